// SPDX-License-Identifier: Apache-2.0
#include "client/plot/legend.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/plot/style.h"
#include "client/plot/text.h"

namespace hebb::plot {
namespace {

constexpr int kMargin = 18;
constexpr int kSample = 36;  // the length of a line's sample
constexpr int kGap = 8;      // between the sample and the name
constexpr int kRow = 20;
constexpr double kLetter = 6.8;

}  // namespace

Legend::Legend(const std::vector<std::string>& names, int width) {
  const int most = static_cast<int>((width - 2 * kMargin - kSample - kGap) / kLetter);
  double x = kMargin;
  int row = 0;
  for (const std::string& full : names) {
    std::string name = Shortened(full, std::max(1, most));
    const double needed = kSample + kGap + kLetter * TextLength(name);
    if (x > kMargin && x + needed > width - kMargin) {
      x = kMargin;
      ++row;
    }
    entries_.push_back({std::move(name), x, row});
    x += needed + 2 * kGap;
  }
  if (!entries_.empty()) height_ = (row + 1) * kRow + kGap;
}

std::string Legend::Draw(int top) const {
  std::string svg;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const int series = static_cast<int>(i);
    const int y = top + entry.row * kRow + kRow / 2;
    absl::StrAppendFormat(&svg,
                          "<path class=\"%s line\"%s d=\"M%.1f %dh%d\"/>"
                          "<text x=\"%.1f\" y=\"%d\" dy=\".35em\">%s</text>\n",
                          ColourClass(series), DashAttribute(series), entry.x, y, kSample,
                          entry.x + kSample + kGap, y, EscapeXml(entry.name));
  }
  return svg;
}

}  // namespace hebb::plot
