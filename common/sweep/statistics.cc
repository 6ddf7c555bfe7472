// SPDX-License-Identifier: Apache-2.0
#include "common/sweep/statistics.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "common/check.h"

namespace hebb::sweep {
namespace {

// P(|T| <= t), by the finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
double Within(double t, int degrees_of_freedom) {
  const double theta = std::atan(t / std::sqrt(degrees_of_freedom));
  const double cosine = std::cos(theta);
  const bool odd = degrees_of_freedom % 2 == 1;
  double term = odd ? cosine : 1;
  double sum = degrees_of_freedom == 1 ? 0 : term;
  for (int k = odd ? 3 : 2; k <= degrees_of_freedom - 2; k += 2) {
    term *= (k - 1.0) / k * cosine * cosine;
    sum += term;
  }
  const double scaled = std::sin(theta) * sum;
  return odd ? 2 / std::numbers::pi * (theta + scaled) : scaled;
}

}  // namespace

double StudentT95(int degrees_of_freedom) {
  HEBB_CHECK(degrees_of_freedom >= 1);
  double low = 1.9;  // below the normal distribution's 1.96
  double high = 13;  // above that of one degree, 12.7
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (Within(middle, degrees_of_freedom) < 0.95 ? low : high) = middle;
  }
  return (low + high) / 2;
}

Estimate EstimateMean(const std::vector<double>& values) {
  Estimate estimate;
  estimate.n = static_cast<int>(values.size());
  estimate.mean = std::numeric_limits<double>::quiet_NaN();
  if (values.empty()) return estimate;
  double sum = 0;
  for (const double value : values) sum += value;
  estimate.mean = sum / estimate.n;
  if (estimate.n < 2) return estimate;
  double squares = 0;
  for (const double value : values) {
    squares += (value - estimate.mean) * (value - estimate.mean);
  }
  const double error_of_mean = std::sqrt(squares / (estimate.n - 1) / estimate.n);
  estimate.half_width = StudentT95(estimate.n - 1) * error_of_mean;
  return estimate;
}

}  // namespace hebb::sweep
