// SPDX-License-Identifier: Apache-2.0
#include "worker/rules/signs.h"

#include <cmath>

#include "common/check.h"
#include "worker/device/simd.h"

namespace hebb::rules {
namespace {

HEBB_SIMD void Signs(const float* from, float* to, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    to[i] = static_cast<float>(from[i] > 0) - static_cast<float>(from[i] < 0);
  }
}

HEBB_SIMD void MagnitudesWithSigns(const float* magnitudes, const float* signs, float* to,
                                   size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float sign = static_cast<float>(signs[i] > 0) - static_cast<float>(signs[i] < 0);
    to[i] = std::fabs(magnitudes[i]) * sign;
  }
}

}  // namespace

void SignInto(std::span<const float> from, std::span<float> to) {
  HEBB_CHECK(from.size() == to.size());
  Signs(from.data(), to.data(), to.size());
}

void MagnitudeWithSignInto(std::span<const float> magnitudes, std::span<const float> signs,
                           std::span<float> to) {
  HEBB_CHECK(magnitudes.size() == to.size() && signs.size() == to.size());
  MagnitudesWithSigns(magnitudes.data(), signs.data(), to.data(), to.size());
}

}  // namespace hebb::rules
