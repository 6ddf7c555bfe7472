// SPDX-License-Identifier: Apache-2.0
// Rounding to bfloat16 against the nearest of both neighbours in double.
#include "worker/nn/bf16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace hebb::nn {
namespace {

float FromUpper(uint32_t upper) { return std::bit_cast<float>(upper << 16); }

// `upper`: of the number, which lies between that and the next one away from 0.
uint32_t Nearest(float value, uint32_t upper) {
  const uint32_t next = upper + 1;
  // Beyond the largest there would be another one, which is infinity's.
  const double beyond = std::isinf(FromUpper(next)) ? std::copysign(0x1p128, value)
                                                    : static_cast<double>(FromUpper(next));
  const double below = std::abs(double{value} - double{FromUpper(upper)});
  const double above = std::abs(beyond - double{value});
  if (below != above) return below < above ? upper : next;
  return upper % 2 == 0 ? upper : next;
}

TEST(Bf16Test, RoundsToTheNearestAndTiesToEven) {
  std::vector<float> values;
  std::vector<uint32_t> expected;
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    if (!std::isfinite(FromUpper(upper))) continue;
    for (const uint32_t lower : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      values.push_back(std::bit_cast<float>(upper << 16 | lower));
      expected.push_back(Nearest(values.back(), upper));
    }
  }
  const auto size = static_cast<int64_t>(values.size());
  std::vector<uint16_t> rounded(values.size());
  RoundToBf16(size, values.data(), rounded.data());
  std::vector<uint32_t> pairs(values.size()), lone(values.size());
  const std::vector<float> backwards(values.rbegin(), values.rend());
  RoundPairsToBf16(size, values.data(), backwards.data(), pairs.data());
  RoundPairsToBf16(size, values.data(), nullptr, lone.data());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(rounded[i], expected[i]) << values[i];
    ASSERT_EQ(pairs[i], expected[i] | expected[expected.size() - 1 - i] << 16) << values[i];
    ASSERT_EQ(lone[i], expected[i]) << values[i];
  }
}

TEST(Bf16Test, WhatIsNoNumberStaysNone) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {infinity, -infinity};
  for (const uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu, 0x7fc00000u}) {
    values.push_back(std::bit_cast<float>(bits));
  }
  std::vector<uint16_t> rounded(values.size());
  RoundToBf16(static_cast<int64_t>(values.size()), values.data(), rounded.data());
  EXPECT_EQ(FromUpper(rounded[0]), infinity);
  EXPECT_EQ(FromUpper(rounded[1]), -infinity);
  for (size_t i = 2; i < values.size(); ++i) EXPECT_TRUE(std::isnan(FromUpper(rounded[i]))) << i;
}

}  // namespace
}  // namespace hebb::nn
