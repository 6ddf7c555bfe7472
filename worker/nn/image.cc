// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/image.h"

#include "common/status_macros.h"

namespace hebb::nn {

absl::StatusOr<ImageScaler> ImageScaler::Create(const spec::Dataset& dataset,
                                                const spec::Shape& shape) {
  HEBB_ASSIGN_OR_RETURN(const spec::PixelMoments moments, spec::ScalingOf(dataset));
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
