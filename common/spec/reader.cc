// SPDX-License-Identifier: Apache-2.0
#include "common/spec/reader.h"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/schema.h"
#include "common/spec/suggest.h"
#include "common/spec/words.h"

namespace hebb::spec {
namespace {

std::string Join(const std::string& path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

std::string Where(const std::string& path) { return path.empty() ? "the job file" : path; }

std::string KindOf(const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::kNull:
      return "empty";
    case Tree::Kind::kScalar:
      return absl::StrCat("'", tree.text, "'");
    case Tree::Kind::kList:
      return "a list";
    case Tree::Kind::kMap:
      return "a map";
  }
  return "";
}

// A visitor of schema.h.
class Reader {
 public:
  explicit Reader(std::vector<Problem>& problems) : problems_(problems) {}

  // A map's fields.
  template <typename S>
  void Read(const Tree& tree, const std::string& path, S& value) {
    if (tree.kind == Tree::Kind::kScalar || tree.kind == Tree::Kind::kList) {
      return Report(
          tree.place, path,
          absl::StrCat(Where(path), " is ", KindOf(tree), "; write a map of keys and values"));
    }
    Scope scope{tree, path, {}};
    Scope* const outer = std::exchange(scope_, &scope);
    Describe(*this, value);
    scope_ = outer;
    RefuseUnknownKeys(scope);
  }

  template <typename T>
  void Field(const char* key, T& value, const FieldInfo& info) {
    scope_->known.push_back(key);
    const Tree* tree = scope_->tree.Find(key);
    const std::string path = Join(scope_->path, key);
    if (tree != nullptr && tree->kind != Tree::Kind::kNull) {
      ReadField(*tree, path, value, info);
    } else if (info.required) {
      Report(scope_->tree.place, path,
             absl::StrCat("required key '", key, "' is missing in ", Where(scope_->path), "; add ",
                          key, ": ", info.doc));
    }
  }

  // Exactly one of the alternatives' keys must be there; null stands for an empty map.
  template <typename... T>
  void Union(std::variant<T...>& value) {
    const std::vector<std::string> keys = AlternativeKeys(value);
    scope_->known.insert(scope_->known.end(), keys.begin(), keys.end());
    std::vector<std::string> given;
    for (const std::string& key : keys) {
      if (scope_->tree.Find(key) != nullptr) given.push_back(key);
    }
    if (given.size() > 1) {
      return Report(scope_->tree.place, scope_->path,
                    absl::StrCat(Where(scope_->path), " has ", absl::StrJoin(given, " and "),
                                 "; keep one of them"));
    }
    scope_->missing_union = given.empty() ? keys : std::vector<std::string>{};
    (ReadAlternative<T>(value), ...);
  }

 private:
  struct Scope {
    const Tree& tree;
    const std::string& path;
    std::vector<std::string> known;
    std::vector<std::string> missing_union = {};
  };

  template <typename T, typename Variant>
  void ReadAlternative(Variant& value) {
    const Tree* tree = scope_->tree.Find(Alternative<T>::kKey);
    if (tree == nullptr) return;
    T chosen;
    Read(*tree, Join(scope_->path, Alternative<T>::kKey), chosen);
    value = std::move(chosen);
  }

  void RefuseUnknownKeys(const Scope& scope) {
    bool unknown = false;
    for (const Tree& child : scope.tree.children) {
      const auto has = [&](const std::vector<std::string>& keys) {
        return std::find(keys.begin(), keys.end(), child.key) != keys.end();
      };
      if (has(scope.known)) continue;
      unknown = true;
      Report(child.key_place, Join(scope.path, child.key),
             absl::StrCat("unknown key '", child.key, "' in ", Where(scope.path), "; ",
                          Suggest(child.key, scope.known)));
    }
    if (unknown || scope.missing_union.empty()) return;  // a mistyped alternative says enough
    Report(scope.tree.place, scope.path,
           absl::StrCat(Where(scope.path), " names no kind; add one of ",
                        absl::StrJoin(scope.missing_union, ", ")));
  }

  // ---- one value ------------------------------------------------------------------------------

  template <typename S>
  requires std::is_class_v<S>
  void ReadField(const Tree& tree, const std::string& path, S& value, const FieldInfo&) {
    Read(tree, path, value);
  }

  template <typename T>
  void ReadField(const Tree& tree, const std::string& path, std::optional<T>& value,
                 const FieldInfo& info) {
    T read = {};
    const size_t before = problems_.size();
    ReadField(tree, path, read, info);
    if (problems_.size() == before) value = read;
  }

  void ReadField(const Tree& tree, const std::string& path, std::string& value, const FieldInfo&) {
    if (tree.kind == Tree::Kind::kScalar) {
      value = tree.text;
    } else {
      WrongType(tree, path, "a text");
    }
  }

  void ReadField(const Tree& tree, const std::string& path, bool& value, const FieldInfo&) {
    const bool is_bool = tree.text == "true" || tree.text == "false";
    if (tree.kind != Tree::Kind::kScalar || tree.quoted || !is_bool) {
      return WrongType(tree, path, "true or false");
    }
    value = tree.text == "true";
  }

  template <std::integral T>
  void ReadField(const Tree& tree, const std::string& path, T& value, const FieldInfo& info) {
    T read = 0;
    if (tree.kind != Tree::Kind::kScalar || tree.quoted || !absl::SimpleAtoi(tree.text, &read)) {
      return WrongType(tree, path, absl::StrCat("a whole number", Range(info)));
    }
    if (InRange(tree, path, static_cast<double>(read), info)) value = read;
  }

  void ReadField(const Tree& tree, const std::string& path, double& value, const FieldInfo& info) {
    double read = 0;
    if (tree.kind != Tree::Kind::kScalar || tree.quoted || !absl::SimpleAtod(tree.text, &read) ||
        !std::isfinite(read)) {
      return WrongType(tree, path, absl::StrCat("a number", Range(info)));
    }
    if (InRange(tree, path, read, info)) value = read;
  }

  template <typename E>
  requires std::is_enum_v<E>
  void ReadField(const Tree& tree, const std::string& path, E& value, const FieldInfo&) {
    const std::vector<std::string> words = WordList<E>();
    if (tree.kind != Tree::Kind::kScalar) {
      return WrongType(tree, path, absl::StrCat("one of ", absl::StrJoin(words, ", ")));
    }
    for (const auto& [word, each] : Words<E>::kNow) {
      if (tree.text == word) {
        value = each;
        return;
      }
    }
    for (const char* later : Words<E>::kLater) {
      if (tree.text != later) continue;
      return Report(tree.place, path,
                    absl::StrCat(path, ": ", later, " is not supported by this version yet; use ",
                                 absl::StrJoin(words, ", ")));
    }
    const std::string suggestion = Suggest(tree.text, words);
    const bool lists = suggestion.find("expected") == 0;
    Report(tree.place, path,
           absl::StrCat("unknown word '", tree.text, "' for ", path, "; ", suggestion,
                        lists ? "" : absl::StrCat(" (one of ", absl::StrJoin(words, ", "), ")")));
  }

  // Of texts or whole numbers.
  template <typename T>
  void ReadField(const Tree& tree, const std::string& path, std::vector<T>& value,
                 const FieldInfo&) {
    if (tree.kind != Tree::Kind::kList) return WrongType(tree, path, "a list, as in [a, b]");
    for (const Tree& item : tree.children) {
      ReadField(item, path, value.emplace_back(), FieldInfo{});
    }
  }

  void ReadField(const Tree& tree, const std::string& path, std::vector<Layer>& layers,
                 const FieldInfo&) {
    if (tree.kind != Tree::Kind::kList) {
      return WrongType(tree, path, "a list of layers, as in - {name: out, dense: {units: 10}}");
    }
    for (size_t i = 0; i < tree.children.size(); ++i) {
      const Tree& item = tree.children[i];
      const Tree* name = item.Find("name");
      Layer& layer = layers.emplace_back();
      layer.line = item.place.line;
      layer.column = item.place.column;
      const bool named = name != nullptr && !name->text.empty();
      Read(item, named ? Join(path, name->text) : absl::StrCat(path, ".", i), layer);
    }
  }

  bool InRange(const Tree& tree, const std::string& path, double value, const FieldInfo& info) {
    if (value >= info.min && value <= info.max) return true;
    Report(tree.place, path,
           absl::StrCat(path, " is ", tree.text, ", which is out of range; use ", RangeText(info)));
    return false;
  }

  static std::string Range(const FieldInfo& info) {
    const std::string range = RangeText(info);
    return range.empty() ? "" : absl::StrCat(", ", range);
  }

  void WrongType(const Tree& tree, const std::string& path, absl::string_view wanted) {
    Report(tree.place, path, absl::StrCat(path, " is ", KindOf(tree), "; write ", wanted));
  }

  void Report(Place place, const std::string& path, std::string text) {
    problems_.push_back({place, path, std::move(text)});
  }

  std::vector<Problem>& problems_;
  Scope* scope_ = nullptr;
};

}  // namespace

std::string RangeText(const FieldInfo& info) {
  // The table's bounds are whole numbers, shown without an exponent.
  const auto text = [](double bound) { return absl::StrCat(static_cast<int64_t>(bound)); };
  if (std::isfinite(info.min) && std::isfinite(info.max)) {
    return absl::StrCat(text(info.min), " to ", text(info.max));
  }
  return std::isfinite(info.min) ? absl::StrCat("at least ", text(info.min)) : "";
}

Job ReadJob(const Tree& root, std::vector<Problem>& problems) {
  Job job;
  Reader(problems).Read(root, "", job);
  return job;
}

std::vector<std::vector<std::string>> UnionKeys() {
  return {AlternativeKeys(LayerOp{}), AlternativeKeys(Loss{}), AlternativeKeys(Schedule{})};
}

}  // namespace hebb::spec
