// SPDX-License-Identifier: Apache-2.0
// A Job to JSON, and the digest over it: visitors of schema.h.
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/spec/json_tree.h"
#include "common/spec/parse.h"
#include "common/spec/schema.h"
#include "common/spec/words.h"

namespace hebb::spec {
namespace {

Tree Scalar(std::string text, bool quoted) {
  Tree tree;
  tree.kind = Tree::Kind::kScalar;
  tree.text = std::move(text);
  tree.quoted = quoted;
  return tree;
}

class Writer {
 public:
  template <typename S>
  Tree Write(S& value) {
    Tree map;
    map.kind = Tree::Kind::kMap;
    Tree* const outer = std::exchange(map_, &map);
    Describe(*this, value);
    map_ = outer;
    return map;
  }

  template <typename T>
  void Field(const char* key, T& value, const FieldInfo&) {
    Append(key, ToTree(value));
  }

  template <typename T>
  void Field(const char* key, std::optional<T>& value, const FieldInfo&) {
    if (value) Append(key, ToTree(*value));
  }

  template <typename... T>
  void Union(std::variant<T...>& value) {
    std::visit(
        [this](auto& chosen) {
          Append(Alternative<std::remove_reference_t<decltype(chosen)>>::kKey, Write(chosen));
        },
        value);
  }

 private:
  void Append(const char* key, Tree child) {
    child.key = key;
    map_->children.push_back(std::move(child));
  }

  template <typename S>
  requires std::is_class_v<S> Tree ToTree(S& value) { return Write(value); }
  Tree ToTree(std::string& value) { return Scalar(value, true); }
  Tree ToTree(bool value) { return Scalar(value ? "true" : "false", false); }
  template <std::integral T>
  Tree ToTree(T value) {
    return Scalar(absl::StrCat(value), false);
  }
  Tree ToTree(double value) {  // the shortest text that reads back as the same number
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
    return Scalar(std::string(buffer, end), false);
  }
  template <typename E>
  requires std::is_enum_v<E> Tree ToTree(E value) { return Scalar(ToWord(value), true); }
  template <typename T>
  Tree ToTree(std::vector<T>& values) {
    Tree list;
    list.kind = Tree::Kind::kList;
    for (T& value : values) list.children.push_back(ToTree(value));
    return list;
  }

  Tree* map_ = nullptr;
};

}  // namespace

std::string JobToJson(const Job& job) {
  Job copy = job;  // a visitor takes fields it could change
  return TreeToJson(Writer().Write(copy));
}

std::string SpecDigest(const Job& job) {
  Job decisive = job;
  FillDerivedDefaults(decisive);
  decisive.name.clear();
  decisive.resources = Resources{};
  decisive.checkpoint = CheckpointPolicy{};
  decisive.diagnostics = Diagnostics{};
  if (!decisive.init.sha256.empty()) decisive.init.from.clear();     // the content, not its place
  if (decisive.kind == Kind::kVerify) decisive.kind = Kind::kTrain;  // it trains the same weights
  Tree tree = Writer().Write(decisive);
  // Left out whole, so that jobs from before these sections keep their digests.
  std::erase_if(tree.children, [](const Tree& section) {
    return section.key == "digests" || section.key == "verification";
  });
  std::erase_if(tree.Find("resources")->children, [](const Tree& field) {
    return field.key == "slurm" || field.key == "gpu_memory";
  });
  return Sha256Hex(TreeToJson(tree));
}

}  // namespace hebb::spec
