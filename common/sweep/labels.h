// SPDX-License-Identifier: Apache-2.0
// Short names of grid points: "rule=bp,seed=1". Pure.
#ifndef HEBB_COMMON_SWEEP_LABELS_H_
#define HEBB_COMMON_SWEEP_LABELS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::sweep {

// Grid keys and the values taken, in the sweep file's order; a value is YAML on one line.
using Point = std::vector<std::pair<std::string, std::string>>;

// Of all points of one sweep, so that a label is short and yet means one thing. Immutable.
class Labels {
 public:
  explicit Labels(const std::vector<Point>& points);

  // The shortest ending of a key that no other key has: "rule" for "learning.rule".
  std::string Key(absl::string_view key) const;
  // A word or number as it is; {"cross_entropy":{}} as cross_entropy; what is long as #2, the
  // second value of its key.
  std::string Value(absl::string_view key, absl::string_view value) const;
  // "rule=bp,seed=1"; "" for no point.
  std::string Of(const Point& point) const;

 private:
  std::map<std::string, std::string, std::less<>> keys_;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;  // in order of appearance
};

}  // namespace hebb::sweep

#endif  // HEBB_COMMON_SWEEP_LABELS_H_
