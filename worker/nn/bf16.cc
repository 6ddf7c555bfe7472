// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/bf16.h"

#include <bit>

#include "common/check.h"
#include "worker/device/simd.h"

namespace hebb::nn {

HEBB_SIMD void RoundToBf16(int64_t size, const float* from, uint16_t* to) {
  for (int64_t i = 0; i < size; ++i) {
    const auto bits = std::bit_cast<uint32_t>(from[i]);
    const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    const uint32_t quiet = bits | 0x400000;  // its payload's upper half could be empty
    const bool number = (bits & 0x7fffffff) <= 0x7f800000;
    to[i] = static_cast<uint16_t>((number ? rounded : quiet) >> 16);
  }
}

void Bf16Scratch::Reserve(int64_t values) {
  if (values_.size() < values) values_ = device::AlignedBuffer<uint16_t>(values);
}

const uint16_t* Bf16Scratch::Round(const float* from, int64_t size, int64_t begin) {
  HEBB_CHECK(begin + size <= values_.size());
  RoundToBf16(size, from, values_.data() + begin);
  return values_.data() + begin;
}

}  // namespace hebb::nn
