// SPDX-License-Identifier: Apache-2.0
#include "common/sweep/labels.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/spec/tree.h"
#include "common/spec/yaml_tree.h"

namespace hebb::sweep {
namespace {

constexpr size_t kLongest = 24;

// The ending that begins after the `dots`-th dot from the end; the whole where there are fewer.
absl::string_view Ending(absl::string_view key, int dots) {
  size_t from = key.size();
  for (int i = 0; i < dots && from != absl::string_view::npos; ++i) {
    from = from == 0 ? absl::string_view::npos : key.rfind('.', from - 1);
  }
  return from == absl::string_view::npos ? key : key.substr(from + 1);
}

bool IsEmpty(const spec::Tree& tree) {
  return tree.kind == spec::Tree::Kind::kNull ||
         (tree.kind == spec::Tree::Kind::kMap && tree.children.empty());
}

// "" where only a number tells it from the others.
std::string ShortValue(absl::string_view value) {
  std::vector<spec::Problem> ignored;
  const spec::Tree tree = spec::ParseYaml(value, -1, ignored);
  std::string text = tree.text;
  if (tree.kind == spec::Tree::Kind::kMap && tree.children.size() == 1 &&
      IsEmpty(tree.children[0])) {
    text = tree.children[0].key;
  } else if (tree.kind != spec::Tree::Kind::kScalar) {
    text = absl::StrReplaceAll(value, {{"\"", ""}});
  }
  return text.size() <= kLongest && !absl::StrContains(text, '\n') ? text : "";
}

}  // namespace

Labels::Labels(const std::vector<Point>& points) {
  for (const Point& point : points) {
    for (const auto& [key, value] : point) {
      std::vector<std::string>& seen = values_[key];
      if (std::find(seen.begin(), seen.end(), value) == seen.end()) seen.push_back(value);
    }
  }
  for (const auto& item : values_) {
    const std::string& key = item.first;
    int dots = 1;
    const auto ambiguous = [&](const auto& other) {
      return other.first != key && Ending(other.first, dots) == Ending(key, dots);
    };
    while (std::any_of(values_.begin(), values_.end(), ambiguous)) ++dots;
    keys_[key] = std::string(Ending(key, dots));
  }
}

std::string Labels::Key(absl::string_view key) const {
  const auto found = keys_.find(key);
  return found == keys_.end() ? std::string(key) : found->second;
}

std::string Labels::Value(absl::string_view key, absl::string_view value) const {
  std::string text = ShortValue(value);
  if (!text.empty()) return text;
  const auto found = values_.find(key);
  if (found == values_.end()) return std::string(value);
  const auto at = std::find(found->second.begin(), found->second.end(), value);
  return absl::StrCat("#", at - found->second.begin() + 1);
}

std::string Labels::Of(const Point& point) const {
  return absl::StrJoin(point, ",", [this](std::string* out, const auto& entry) {
    absl::StrAppend(out, Key(entry.first), "=", Value(entry.first, entry.second));
  });
}

}  // namespace hebb::sweep
