// SPDX-License-Identifier: Apache-2.0
// Line charts as SVG, for reports and files. Pure; cannot fail: whatever the numbers are, the
// result is a well-formed picture.
#ifndef HEBB_CLIENT_PLOT_CHART_H_
#define HEBB_CLIENT_PLOT_CHART_H_

#include <optional>
#include <string>
#include <vector>

namespace hebb::plot {

// What the value at a point is known to lie between, such as a confidence interval.
struct Band {
  double low = 0;
  double high = 0;
};

struct Point {
  double x = 0;
  double y = 0;
  std::optional<Band> band = std::nullopt;
};

// Points are joined in the order given. One that cannot be shown leaves a gap in the line: not
// finite, of a magnitude above 1e300, or on a logarithmic scale below 1e-300. So does a band.
struct Series {
  std::string name;  // for the legend
  std::vector<Point> points;
};

enum class Scale { kLinear, kLog };

// Texts are UTF-8 and may hold anything; what is too long for its place is cut off.
struct Chart {
  std::string title;
  std::string description;  // for screen readers; made from the rest when empty
  std::string x_label;
  std::string y_label;
  Scale y_scale = Scale::kLinear;
  std::vector<Series> series;
  // Pixels at scale 1. The legend below the axes adds to the height. At least 320 x 200.
  int width = 720;
  int height = 420;
};

// One <svg> element without script, ids or references to anything outside, so that it stands alone
// in a file (no XML declaration is needed for UTF-8) and several can stand in one HTML page. It
// follows the reader's light or dark setting. Lines differ by colour and by dashes; after 36 they
// repeat. A series of few points has its points marked.
std::string ToSvg(const Chart& chart);

// The same of several charts, one below the other. REQUIRES: at least one chart.
std::string ToSvg(const std::string& title, const std::vector<Chart>& charts);

}  // namespace hebb::plot

#endif  // HEBB_CLIENT_PLOT_CHART_H_
