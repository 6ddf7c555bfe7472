// SPDX-License-Identifier: Apache-2.0
// From the bytes of a data set to a network's input.
#ifndef HEBB_WORKER_NN_IMAGE_H_
#define HEBB_WORKER_NN_IMAGE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"

namespace hebb::nn {

// Immutable, hence thread-safe.
class ImageScaler {
 public:
  // unit: x/255; signed: (x/255 - .5)/.5; standard: (x/255 - mean)/std, per channel, of the data
  // set's training split. INVALID_ARGUMENT: standard for a set whose mean is not known.
  static absl::StatusOr<ImageScaler> Create(const spec::Dataset& dataset, const spec::Shape& shape);

  // `pixels`: C planes of H x W. `output`: [y][x][channel].
  void Scale(const uint8_t* pixels, float* output) const;

  // What Scale makes of each byte, by channel.
  const std::vector<std::array<float, 256>>& table() const { return table_; }

 private:
  explicit ImageScaler(const spec::Shape& shape) : shape_(shape), table_(shape.channels) {}

  spec::Shape shape_;
  std::vector<std::array<float, 256>> table_;  // by channel and byte
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_IMAGE_H_
