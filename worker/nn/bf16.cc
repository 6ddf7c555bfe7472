// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/bf16.h"

#include <bit>

#include "common/check.h"
#include "worker/device/simd.h"

namespace hebb::nn {
namespace {

// In the upper half; what is below it is of no meaning.
[[gnu::always_inline]] inline uint32_t Rounded(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  const uint32_t quiet = bits | 0x400000;  // its payload's upper half could be empty
  const bool number = (bits & 0x7fffffff) <= 0x7f800000;
  return number ? rounded : quiet;
}

}  // namespace

HEBB_SIMD void RoundToBf16(int64_t size, const float* from, uint16_t* to) {
  for (int64_t i = 0; i < size; ++i) to[i] = static_cast<uint16_t>(Rounded(from[i]) >> 16);
}

HEBB_SIMD void RoundPairsToBf16(int64_t size, const float* first, const float* second,
                                uint32_t* to) {
  if (second == nullptr) {
    for (int64_t i = 0; i < size; ++i) to[i] = Rounded(first[i]) >> 16;
    return;
  }
  for (int64_t i = 0; i < size; ++i) {
    to[i] = (Rounded(second[i]) & 0xffff0000) | Rounded(first[i]) >> 16;
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
