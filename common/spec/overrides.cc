// SPDX-License-Identifier: Apache-2.0
#include "common/spec/overrides.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/spec/suggest.h"
#include "common/spec/yaml_tree.h"

namespace hebb::spec {
namespace {

using Unions = std::vector<std::vector<std::string>>;

void RemoveAlternatives(const Unions& unions, absl::string_view key, Tree& map) {
  for (const std::vector<std::string>& group : unions) {
    if (std::find(group.begin(), group.end(), key) == group.end()) continue;
    const auto is_other = [&](const Tree& child) {
      return child.key != key && std::find(group.begin(), group.end(), child.key) != group.end();
    };
    map.children.erase(std::remove_if(map.children.begin(), map.children.end(), is_other),
                       map.children.end());
  }
}

std::vector<std::string> ItemNames(const Tree& list) {
  std::vector<std::string> names;
  for (const Tree& item : list.children) {
    const Tree* name = item.Find("name");
    if (name != nullptr) names.push_back(name->text);
  }
  return names;
}

class Setter {
 public:
  Setter(int set, const Unions& unions, std::vector<Problem>& problems)
      : place_{0, 0, set}, unions_(unions), problems_(problems) {}

  void Apply(absl::string_view set, Tree& root) {
    const size_t equals = set.find('=');
    const std::vector<std::string> path = absl::StrSplit(set.substr(0, equals), '.');
    const auto is_empty = [](const std::string& segment) { return segment.empty(); };
    if (equals == absl::string_view::npos || std::any_of(path.begin(), path.end(), is_empty)) {
      return Report("not of the form key.path=value; write it as in learning.batch_size=100");
    }
    Apply(path, set.substr(equals + 1), root);
  }

  void Apply(const std::vector<std::string>& path, absl::string_view text, Tree& root) {
    const size_t before = problems_.size();
    Tree value = ParseYaml(text, place_.set, problems_);
    if (problems_.size() > before) return;
    Tree* target = &root;
    for (size_t i = 0; i < path.size() && target != nullptr; ++i) {
      target = Enter(path, i, *target);
    }
    if (target != nullptr) Replace(*target, std::move(value));
  }

 private:
  // The child of `tree` that path[i] names; made if it is a map's. Null after a report.
  Tree* Enter(const std::vector<std::string>& path, size_t i, Tree& tree) {
    const std::string& segment = path[i];
    if (tree.kind == Tree::Kind::kList) return EnterItem(path, i, tree);
    if (tree.kind == Tree::Kind::kNull) {
      tree.kind = Tree::Kind::kMap;
      tree.place = place_;
    }
    if (tree.kind != Tree::Kind::kMap) {
      Report(absl::StrCat(Prefix(path, i), " is '", tree.text, "', which has no '", segment,
                          "'; set ", Prefix(path, i), " itself"));
      return nullptr;
    }
    RemoveAlternatives(unions_, segment, tree);
    if (Tree* child = tree.Find(segment)) return child;
    Tree child;
    child.key = segment;
    child.key_place = child.place = place_;
    tree.children.push_back(std::move(child));
    return &tree.children.back();
  }

  Tree* EnterItem(const std::vector<std::string>& path, size_t i, Tree& list) {
    Tree* item = const_cast<Tree*>(Step(list, path[i]));
    if (item == nullptr) {
      Report(absl::StrCat(Prefix(path, i), " has no item '", path[i], "'; it has ",
                          list.children.size(), ", ", Suggest(path[i], ItemNames(list))));
      return nullptr;
    }
    item->place = place_;  // so that what becomes wrong with a layer is shown here
    return item;
  }

  void Replace(Tree& target, Tree value) {
    value.key = std::move(target.key);
    value.key_place = place_;
    value.place = place_;
    target = std::move(value);
  }

  static std::string Prefix(const std::vector<std::string>& path, size_t count) {
    return count == 0 ? "the job file" : absl::StrJoin(path.begin(), path.begin() + count, ".");
  }

  void Report(std::string text) { problems_.push_back({place_, "", std::move(text)}); }

  const Place place_;
  const Unions& unions_;
  std::vector<Problem>& problems_;
};

}  // namespace

void ApplySets(const std::vector<std::string>& sets, const Unions& unions, Tree& root,
               std::vector<Problem>& problems) {
  for (size_t i = 0; i < sets.size(); ++i) {
    Setter(static_cast<int>(i), unions, problems).Apply(sets[i], root);
  }
}

void ApplySet(const std::vector<std::string>& path, absl::string_view value, int set,
              const Unions& unions, Tree& root, std::vector<Problem>& problems) {
  Setter(set, unions, problems).Apply(path, value, root);
}

}  // namespace hebb::spec
