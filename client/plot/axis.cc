// SPDX-License-Identifier: Apache-2.0
#include "client/plot/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/check.h"

namespace hebb::plot {
namespace {

constexpr double kLargest = 1e300;
constexpr double kSlack = 1e-9;  // of a step: what rounding may add to a value

// The smallest of 1, 2, 5 times a power of ten that is no less than `least`.
double RoundStep(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - kSlack)) return factor * power;
  }
  return 10 * power;
}

// "1.5e+06" -> "1.5e6"
std::string Scientific(double value, int digits) {
  const std::string text = absl::StrFormat("%.*e", digits, value);
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, 'e');
  const bool negative = parts.second[0] == '-';
  absl::string_view exponent = absl::string_view(parts.second).substr(1);
  while (exponent.size() > 1 && absl::ConsumePrefix(&exponent, "0")) {
  }
  return absl::StrCat(parts.first, "e", negative ? "-" : "", exponent);
}

// With the digits that tell it from a value `step` away; `largest` is the axis's magnitude.
std::string Label(double value, double step, double largest) {
  if (std::abs(value) < step * kSlack) return "0";
  const int step_power = static_cast<int>(std::floor(std::log10(step) + kSlack));
  if (largest < 1e7 && step_power >= -4) {
    return absl::StrFormat("%.*f", std::max(0, -step_power), value);
  }
  const int power = static_cast<int>(std::floor(std::log10(std::abs(value)) + kSlack));
  return Scientific(value, std::clamp(power - step_power, 0, 15));
}

void WidenIfNarrow(double& low, double& high) {
  const double magnitude = std::max(std::abs(low), std::abs(high));
  if (high - low > kSlack * magnitude) return;
  const double by = magnitude > 0 ? magnitude / 20 : 1;
  low -= by;
  high += by;
}

std::string DecadeLabel(double value) {
  return value > 0.9e-3 && value < 1.1e5 ? absl::StrFormat("%g", value) : Scientific(value, 0);
}

// From one power of ten to another, with ticks at powers that are multiples of one number, so that
// 1 is among them where it is in the range.
Axis DecadeAxis(int first, int last, int most_ticks) {
  const int stride = std::max(1, (last - first + most_ticks - 2) / (most_ticks - 1));
  Axis axis{.low = std::pow(10.0, first), .high = std::pow(10.0, last), .log = true, .ticks = {}};
  for (int power = first; power <= last; ++power) {
    if (power % stride != 0) continue;
    const double value = std::pow(10.0, power);
    axis.ticks.push_back({value, DecadeLabel(value)});
  }
  return axis;
}

// 1, 2, 5 times the powers of ten from `first` on, from the last below the range to the first
// above.
Axis PartsOfDecadesAxis(double low, double high, int first, int last) {
  Axis axis{.low = low, .high = high, .log = true, .ticks = {}};
  for (int power = first; power <= last; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, power);
      if (value <= low * (1 + kSlack)) axis.ticks.clear();
      axis.ticks.push_back({value, DecadeLabel(value)});
      if (value < high * (1 - kSlack)) continue;
      axis.low = std::min(low, axis.ticks.front().value);
      axis.high = std::max(high, value);
      return axis;
    }
  }
  return axis;
}

}  // namespace

double Axis::Fraction(double value) const {
  if (!log) return std::clamp((value - low) / (high - low), 0.0, 1.0);
  // Differences of logarithms: the quotient of a range of 600 decades is infinite.
  const double above = std::log(std::max(value, low)) - std::log(low);
  return std::clamp(above / (std::log(high) - std::log(low)), 0.0, 1.0);
}

Axis LinearAxis(double low, double high, int most_ticks, bool round_out) {
  HEBB_CHECK(low <= high && std::abs(low) <= kLargest && std::abs(high) <= kLargest);
  HEBB_CHECK(most_ticks >= 2);
  WidenIfNarrow(low, high);
  const double step = RoundStep((high - low) / (most_ticks - 1));
  const double inward = round_out ? -1 : 1;
  const auto first = static_cast<int64_t>(inward * std::ceil(inward * low / step - kSlack));
  const auto last = static_cast<int64_t>(inward * std::floor(inward * high / step + kSlack));
  Axis axis{.low = low, .high = high, .log = false, .ticks = {}};
  const double largest = std::max(std::abs(low), std::abs(high));
  for (int64_t i = first; i <= last; ++i) {
    const double value = static_cast<double>(i) * step;
    axis.ticks.push_back({value, Label(value, step, largest)});
  }
  if (round_out) {
    axis.low = std::min(low, axis.ticks.front().value);
    axis.high = std::max(high, axis.ticks.back().value);
  }
  return axis;
}

Axis LogAxis(double low, double high, int most_ticks) {
  HEBB_CHECK(1 / kLargest <= low && low <= high && high <= kLargest);
  HEBB_CHECK(most_ticks >= 2);
  if (high / low < 1 + kSlack) {
    low /= 2;
    high *= 2;
  }
  if (high / low < 3) {
    Axis axis = LinearAxis(low, high, most_ticks, true);
    if (axis.low > 0) {
      axis.log = true;
      return axis;
    }
  }
  const int first = static_cast<int>(std::floor(std::log10(low) + kSlack));
  const int last = static_cast<int>(std::ceil(std::log10(high) - kSlack));
  if (high / low <= 100) return PartsOfDecadesAxis(low, high, first, last);
  Axis axis = DecadeAxis(first, last, most_ticks);
  axis.low = std::min(low, axis.low);
  axis.high = std::max(high, axis.high);
  return axis;
}

}  // namespace hebb::plot
