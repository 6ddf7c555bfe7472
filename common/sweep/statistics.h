// SPDX-License-Identifier: Apache-2.0
// Means over seeds with their 95 % intervals. Pure.
#ifndef HEBB_COMMON_SWEEP_STATISTICS_H_
#define HEBB_COMMON_SWEEP_STATISTICS_H_

#include <optional>
#include <vector>

namespace hebb::sweep {

// The mean of a population, estimated from independent values: mean +- half_width covers it with a
// probability of 95 % where the values are normally distributed (Student's t, n - 1 degrees of
// freedom).
struct Estimate {
  int n = 0;
  double mean = 0;                   // NaN when n is 0
  std::optional<double> half_width;  // none below two values
};

Estimate EstimateMean(const std::vector<double>& values);

// The t that a variable of Student's distribution exceeds in absolute value with a probability of
// 5 %. REQUIRES: degrees_of_freedom >= 1.
double StudentT95(int degrees_of_freedom);

}  // namespace hebb::sweep

#endif  // HEBB_COMMON_SWEEP_STATISTICS_H_
