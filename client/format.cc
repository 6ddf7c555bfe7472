// SPDX-License-Identifier: Apache-2.0
#include "client/format.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/plot/text.h"
#include "common/check.h"

namespace hebb::client {
namespace {

constexpr int kGap = 2;
constexpr int kNarrow = 10;  // no column is cut to less

}  // namespace

std::string Percent(double ratio) { return absl::StrFormat("%.1f %%", 100 * ratio); }

std::string Grouped(int64_t number) {
  std::string digits = absl::StrCat(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string Clock(absl::Duration d) {
  const int64_t s = std::max<int64_t>(0, absl::ToInt64Seconds(d + absl::Milliseconds(500)));
  if (s < 3600) return absl::StrFormat("%d:%02d", s / 60, s % 60);
  return absl::StrFormat("%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
}

std::string Age(absl::Duration d) {
  const int64_t s = std::max<int64_t>(0, absl::ToInt64Seconds(d));
  if (s < 120) return absl::StrCat(s, "s");
  if (s < 2 * 3600) return absl::StrCat(s / 60, "m");
  if (s < 48 * 3600) return absl::StrCat(s / 3600, "h");
  return absl::StrCat(s / 86400, "d");
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

Table::Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }

void Table::Add(std::vector<std::string> cells) {
  HEBB_CHECK(cells.size() == rows_[0].size());
  rows_.push_back(std::move(cells));
}

std::vector<int> Table::WidthsWithin(int width) const {
  std::vector<int> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], plot::TextLength(row[c]));
    }
  }
  if (width == 0) return widths;
  int excess = std::accumulate(widths.begin(), widths.end(), 0) - width +
               kGap * (static_cast<int>(widths.size()) - 1);
  while (excess > 0) {
    const auto widest = std::max_element(widths.begin() + 1, widths.end());
    if (widest == widths.end() || *widest <= kNarrow) break;
    --*widest;
    --excess;
  }
  return widths;
}

std::string Table::ToString(int width, const Paint& paint) const {
  const std::vector<int> widths = WidthsWithin(width);
  std::string text;
  for (size_t r = 0; r < rows_.size(); ++r) {
    size_t last = 0;  // cell with text
    for (size_t c = 0; c < widths.size(); ++c) last = rows_[r][c].empty() ? last : c;
    for (size_t c = 0; c <= last; ++c) {
      const std::string& cell = rows_[r][c];
      const std::string shown = cell.empty() ? cell : plot::Shortened(cell, widths[c]);
      absl::StrAppend(&text, r > 0 && paint ? paint(rows_[0][c], cell, shown) : shown);
      if (c < last) text.append(widths[c] - plot::TextLength(shown) + kGap, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace hebb::client
