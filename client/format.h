// SPDX-License-Identifier: Apache-2.0
// Numbers, times and tables for people. Pure.
#ifndef HEBB_CLIENT_FORMAT_H_
#define HEBB_CLIENT_FORMAT_H_

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace hebb::client {

std::string Percent(double ratio);    // 0.8714 -> "87.1 %"
std::string Grouped(int64_t number);  // 1234567 -> "1,234,567"
std::string Clock(absl::Duration d);  // "0:07", "12:34", "3:02:01"
std::string Age(absl::Duration d);    // "7s", "12m", "3h", "2d"

absl::Time FromProto(const google::protobuf::Timestamp& time);

// Left-aligned columns, two spaces apart, no trailing blanks.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  // REQUIRES: as many cells as the header.
  void Add(std::vector<std::string> cells);

  // How a cell is written out, such as in colour; the result has the columns of `text`, which is
  // the cell as it is shown, while `cell` is all of it.
  using Paint = std::function<std::string(const std::string& header, const std::string& cell,
                                          const std::string& text)>;

  // Within `width` columns where that can be: the widest columns are cut off first, with an
  // ellipsis; the first one, by which a row is named, and narrow ones stay whole. 0: no limit.
  std::string ToString(int width = 0, const Paint& paint = nullptr) const;

 private:
  std::vector<int> WidthsWithin(int width) const;

  std::vector<std::vector<std::string>> rows_;  // the header first
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_FORMAT_H_
