// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/error_angles.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/check.h"

namespace hebb::engine {

void ErrorAngles::Add(int layer, std::span<const float> error, std::span<const float> gradient) {
  HEBB_CHECK(error.size() == gradient.size());
  Sums& sums = layers_[layer];
  for (size_t i = 0; i < error.size(); ++i) {
    sums.product += double{error[i]} * gradient[i];
    sums.errors += double{error[i]} * error[i];
    sums.gradients += double{gradient[i]} * gradient[i];
  }
}

std::optional<double> ErrorAngles::Degrees(int layer) const {
  const Sums& s = layers_[layer];
  const double norms = std::sqrt(s.errors * s.gradients);
  if (norms <= 0) return std::nullopt;
  return std::acos(std::clamp(s.product / norms, -1.0, 1.0)) * 180 / std::numbers::pi;
}

}  // namespace hebb::engine
