// SPDX-License-Identifier: Apache-2.0
// A picture as PNG. One of png_rsvg.cc and no_png.cc is linked: where librsvg was missing at the
// build, every call is answered with what to do about it.
#ifndef HEBB_CLIENT_PLOT_PNG_H_
#define HEBB_CLIENT_PLOT_PNG_H_

#include <string>

#include "absl/status/statusor.h"

namespace hebb::plot {

// The light look of `svg`, each of its pixels as scale x scale. UNIMPLEMENTED: built without
// librsvg; INTERNAL: it cannot be drawn. REQUIRES: 1 <= scale <= 8.
absl::StatusOr<std::string> SvgToPng(const std::string& svg, int scale);

}  // namespace hebb::plot

#endif  // HEBB_CLIENT_PLOT_PNG_H_
