// SPDX-License-Identifier: Apache-2.0
// The look of a chart's lines, and the style sheet that all charts share.
#ifndef HEBB_CLIENT_PLOT_STYLE_H_
#define HEBB_CLIENT_PLOT_STYLE_H_

#include <string>

namespace hebb::plot {

// The class every chart's root has; all rules of the sheet are below it.
inline constexpr char kRootClass[] = "hebb-plot";

// Rules for light and, where the reader prefers it, dark. The same text for every chart: a style
// element within a page acts on the whole page, so that two different ones would meet.
std::string StyleSheet();

// The class that gives the series its colour, as a line, a mark or a band.
std::string ColourClass(int series);

// " stroke-dasharray=..." for the series' line; empty for a full line.
std::string DashAttribute(int series);

}  // namespace hebb::plot

#endif  // HEBB_CLIENT_PLOT_STYLE_H_
