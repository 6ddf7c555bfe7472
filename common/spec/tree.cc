// SPDX-License-Identifier: Apache-2.0
#include "common/spec/tree.h"

#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace hebb::spec {

const Tree* Tree::Find(absl::string_view child_key) const {
  if (kind != Kind::kMap) return nullptr;
  for (const Tree& child : children) {
    if (child.key == child_key) return &child;
  }
  return nullptr;
}

Tree* Tree::Find(absl::string_view child_key) {
  return const_cast<Tree*>(static_cast<const Tree*>(this)->Find(child_key));
}

const Tree* Step(const Tree& tree, absl::string_view segment) {
  if (tree.kind != Tree::Kind::kList) return tree.Find(segment);
  size_t index = 0;
  if (absl::SimpleAtoi(segment, &index)) {
    return index < tree.children.size() ? &tree.children[index] : nullptr;
  }
  for (const Tree& item : tree.children) {
    const Tree* name = item.Find("name");
    if (name != nullptr && name->text == segment) return &item;
  }
  return nullptr;
}

Place PlaceOf(const Tree& root, absl::string_view path) {
  const Tree* tree = &root;
  for (absl::string_view segment : absl::StrSplit(path, '.')) {
    const Tree* next = Step(*tree, segment);
    if (next == nullptr) break;
    tree = next;
  }
  return tree->place;
}

std::string PlaceText(const Place& place, absl::string_view file) {
  if (place.line == 0) return std::string(file);
  return absl::StrCat(file, ":", place.line, ":", place.column);
}

}  // namespace hebb::spec
