// SPDX-License-Identifier: Apache-2.0
// A chart's legend: rows of line samples with names below the axes. Pure.
#ifndef HEBB_CLIENT_PLOT_LEGEND_H_
#define HEBB_CLIENT_PLOT_LEGEND_H_

#include <string>
#include <vector>

namespace hebb::plot {

class Legend {
 public:
  // One name a series, cut off where it is longer than a row. `width`: of the chart, in pixels.
  Legend(const std::vector<std::string>& names, int width);

  int height() const { return height_; }  // pixels; 0 without names
  std::string Draw(int top) const;

 private:
  struct Entry {
    std::string name;
    double x = 0;
    int row = 0;
  };
  std::vector<Entry> entries_;
  int height_ = 0;
};

}  // namespace hebb::plot

#endif  // HEBB_CLIENT_PLOT_LEGEND_H_
