// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/image.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::nn {
namespace {

absl::StatusOr<spec::PixelMoments> MomentsOf(const spec::Dataset& dataset) {
  switch (dataset.normalize) {
    case spec::Normalize::kUnit:
      return spec::PixelMoments{{0, 0, 0}, {1, 1, 1}};
    case spec::Normalize::kSigned:
      return spec::PixelMoments{{.5, .5, .5}, {.5, .5, .5}};
    case spec::Normalize::kStandard:
      break;
  }
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(dataset));
  if (facts.moments) return *facts.moments;
  return absl::InvalidArgumentError(
      absl::StrCat("dataset.normalize: no mean and deviation are known for ", dataset.name,
                   "; use normalize: unit or signed"));
}

}  // namespace

absl::StatusOr<ImageScaler> ImageScaler::Create(const spec::Dataset& dataset,
                                                const spec::Shape& shape) {
  HEBB_ASSIGN_OR_RETURN(const spec::PixelMoments moments, MomentsOf(dataset));
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
