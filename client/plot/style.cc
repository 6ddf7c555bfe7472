// SPDX-License-Identifier: Apache-2.0
#include "client/plot/style.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace hebb::plot {
namespace {

constexpr int kKinds = 6;

// Hues near those of Okabe and Ito. Lightness is chosen so that any two lie more than 30 apart in
// CIELAB for usual eyes and for those without one kind of cones (the matrices of Machado et al.
// 2009), and each has a contrast above 3 with the background.
struct Theme {
  const char* background;
  const char* text;
  const char* frame;
  const char* grid;
  std::array<const char*, kKinds> series;
};

constexpr Theme kLight = {"#ffffff",
                          "#24292f",
                          "#6e7781",
                          "#e3e6ea",
                          {"#0047b0", "#733602", "#25a467", "#d868b4", "#a09107", "#463939"}};
constexpr Theme kDark = {"#16191d",
                         "#e6e9ed",
                         "#8b949e",
                         "#30363d",
                         {"#2780fe", "#8e612b", "#19e99e", "#f8b6f5", "#e98c00", "#676a72"}};

constexpr std::array<const char*, kKinds> kDashes = {"", "9 4", "3 3", "10 3 2 3", "16 4", "2 4"};

std::string Rules(const Theme& theme) {
  std::string rules = absl::StrFormat(
      ".%1$s .back{fill:%2$s}.%1$s text{fill:%3$s}.%1$s .frame{stroke:%4$s}"
      ".%1$s .grid{stroke:%5$s}",
      kRootClass, theme.background, theme.text, theme.frame, theme.grid);
  for (int i = 0; i < kKinds; ++i) {
    absl::StrAppendFormat(&rules, ".%1$s .c%2$d{stroke:%3$s;fill:%3$s}", kRootClass, i,
                          theme.series[i]);
  }
  return rules;
}

}  // namespace

std::string StyleSheet() {
  const std::string shapes = absl::StrFormat(
      ".%1$s{max-width:100%%;height:auto}"
      ".%1$s text{font:12px system-ui,sans-serif}.%1$s .name{font-size:15px;font-weight:600}"
      ".%1$s path,.%1$s line{stroke-width:1}.%1$s .frame{fill:none}"
      ".%1$s .line{fill:none;stroke-width:2;stroke-linejoin:round}"
      ".%1$s .band{fill-opacity:.18;stroke:none}.%1$s .mark{stroke:none}",
      kRootClass);
  return absl::StrCat(Rules(kLight), "@media (prefers-color-scheme:dark){", Rules(kDark), "}",
                      shapes);
}

std::string ColourClass(int series) { return absl::StrCat("c", series % kKinds); }

std::string DashAttribute(int series) {
  const std::string dashes = kDashes[(series + series / kKinds) % kKinds];
  return dashes.empty() ? "" : absl::StrCat(" stroke-dasharray=\"", dashes, "\"");
}

}  // namespace hebb::plot
