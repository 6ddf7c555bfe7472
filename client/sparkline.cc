// SPDX-License-Identifier: Apache-2.0
#include "client/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace hebb::client {
namespace {

constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::vector<double> Finite(const std::vector<double>& values) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite),
               [](double value) { return std::isfinite(value); });
  return finite;
}

// As many means of neighbours as there are columns.
std::vector<double> Averaged(const std::vector<double>& values, size_t columns) {
  std::vector<double> means;
  for (size_t c = 0; c < columns; ++c) {
    const size_t begin = c * values.size() / columns;
    const size_t end = (c + 1) * values.size() / columns;
    double mean = 0;  // of parts, so that a sum of huge values does not overflow
    for (size_t i = begin; i < end; ++i) mean += values[i] / static_cast<double>(end - begin);
    means.push_back(mean);
  }
  return means;
}

}  // namespace

std::string Sparkline(const std::vector<double>& values, int columns) {
  std::vector<double> heights = Finite(values);
  if (heights.empty() || columns < 1) return "";
  if (heights.size() > static_cast<size_t>(columns)) {
    heights = Averaged(heights, static_cast<size_t>(columns));
  }
  const auto [low, high] = std::minmax_element(heights.begin(), heights.end());
  const double floor = *low;
  const double range = *high / 2 - floor / 2;  // halves: the range of doubles is twice their size
  std::string line;
  for (const double height : heights) {
    const double ratio = range > 0 ? (height / 2 - floor / 2) / range : 0;
    const auto block = static_cast<size_t>(std::lround(ratio * (kBlocks.size() - 1)));
    line += kBlocks[std::min(block, kBlocks.size() - 1)];
  }
  return line;
}

}  // namespace hebb::client
