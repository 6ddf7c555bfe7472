// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/image.h"

#include "absl/strings/str_cat.h"

namespace hebb::nn {
namespace {

struct Moments {
  const char* dataset;
  std::array<double, 3> mean;
  std::array<double, 3> deviation;
};

// Of the training splits, pixels scaled to [0, 1]. Computed from the files for MNIST,
// Fashion-MNIST and CIFAR-10; CIFAR-100's are those in common use.
constexpr Moments kMoments[] = {
    {"mnist", {0.13066}, {0.30811}},
    {"fashion_mnist", {0.28604}, {0.35302}},
    {"cifar10", {0.49140, 0.48216, 0.44653}, {0.24703, 0.24349, 0.26159}},
    {"cifar100", {0.50707, 0.48655, 0.44092}, {0.26733, 0.25644, 0.27615}},
};

}  // namespace

absl::StatusOr<ImageScaler> ImageScaler::Create(const spec::Dataset& dataset,
                                                const spec::Shape& shape) {
  Moments moments = {"", {0, 0, 0}, {1, 1, 1}};
  if (dataset.normalize == spec::Normalize::kSigned) moments = {"", {.5, .5, .5}, {.5, .5, .5}};
  if (dataset.normalize == spec::Normalize::kStandard) {
    for (const Moments& known : kMoments) {
      if (dataset.name == known.dataset) moments = known;
    }
    if (*moments.dataset == '\0') {
      return absl::InvalidArgumentError(
          absl::StrCat("dataset.normalize: no mean and deviation are known for ", dataset.name,
                       "; use normalize: unit or signed"));
    }
  }
  ImageScaler scaler(shape);
  for (int64_t c = 0; c < shape.channels; ++c) {
    for (int value = 0; value < 256; ++value) {
      const size_t known = static_cast<size_t>(c) % moments.mean.size();
      scaler.table_[c][value] =
          static_cast<float>((value / 255.0 - moments.mean[known]) / moments.deviation[known]);
    }
  }
  return scaler;
}

void ImageScaler::Scale(const uint8_t* pixels, float* output) const {
  const int64_t places = shape_.height * shape_.width;
  for (int64_t c = 0; c < shape_.channels; ++c) {
    const std::array<float, 256>& table = table_[c];
    for (int64_t p = 0; p < places; ++p) {
      output[p * shape_.channels + c] = table[pixels[c * places + p]];
    }
  }
}

}  // namespace hebb::nn
