// SPDX-License-Identifier: Apache-2.0
// An axis: the range it shows and round ticks in it. Pure; cannot fail.
#ifndef HEBB_CLIENT_PLOT_AXIS_H_
#define HEBB_CLIENT_PLOT_AXIS_H_

#include <string>
#include <vector>

namespace hebb::plot {

struct Tick {
  double value = 0;
  std::string label;
};

struct Axis {
  double low = 0;
  double high = 1;
  bool log = false;
  std::vector<Tick> ticks;  // ascending, within the range

  // 0 at `low`, 1 at `high`, no less and no more beyond.
  double Fraction(double value) const;
};

// Ticks are 1, 2 or 5 times a power of ten apart, about `most_ticks` of them at most. A range too
// narrow to be told apart is widened. With `round_out` the range grows to full ticks.
// REQUIRES: low <= high, both of a magnitude of at most 1e300; most_ticks >= 2.
Axis LinearAxis(double low, double high, int most_ticks, bool round_out);

// The same on a logarithmic scale: ticks at powers of ten, at 1, 2 and 5 times these in a range of
// up to two decades, and evenly spaced ones where even those would be too few.
// REQUIRES: 1e-300 <= low <= high <= 1e300; most_ticks >= 2.
Axis LogAxis(double low, double high, int most_ticks);

}  // namespace hebb::plot

#endif  // HEBB_CLIENT_PLOT_AXIS_H_
