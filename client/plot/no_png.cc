// SPDX-License-Identifier: Apache-2.0
#include "client/plot/png.h"

namespace hebb::plot {

absl::StatusOr<std::string> SvgToPng(const std::string&, int) {
  return absl::UnimplementedError(
      "this program was built without librsvg and writes no PNG; write an .svg instead, or install "
      "librsvg2-dev and build it again");
}

}  // namespace hebb::plot
