// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/glorot.h"

#include <array>
#include <cmath>

namespace hebb::nn {

void GlorotUniform(const RandomStream& stream, int64_t fan_in, int64_t fan_out,
                   std::span<float> values) {
  const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  std::array<uint32_t, 4> words{};
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 0) words = stream.Block(static_cast<uint32_t>(i / 4));
    const double u = RandomStream::ToUnit(words[i % 4]);
    values[i] = static_cast<float>(limit * (2.0 * u - 1.0));
  }
}

}  // namespace hebb::nn
