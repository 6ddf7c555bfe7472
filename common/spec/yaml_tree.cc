// SPDX-License-Identifier: Apache-2.0
#include "common/spec/yaml_tree.h"

#include <yaml-cpp/yaml.h>

#include <exception>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hebb::spec {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr int kMostNodes = 100000;  // aliases may repeat a node: this bounds what they unfold to
constexpr int kDeepest = 16;

class Converter {
 public:
  Converter(int set, std::vector<Problem>& problems) : set_(set), problems_(problems) {}

  Tree Convert(const YAML::Node& node, Place fallback, int depth) {
    Tree tree;
    tree.place = PlaceAt(node.Mark(), fallback);
    if (++nodes_ > kMostNodes || depth > kDeepest) {
      if (!too_large_) Report(tree.place, "the document is too large or too deep; simplify it");
      too_large_ = true;
      return tree;
    }
    if (node.IsScalar()) {
      tree.kind = Tree::Kind::kScalar;
      tree.text = node.Scalar();
      tree.quoted = node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str";
    } else if (node.IsSequence()) {
      tree.kind = Tree::Kind::kList;
      for (const YAML::Node& item : node) {
        if (too_large_) break;
        tree.children.push_back(Convert(item, tree.place, depth + 1));
      }
    } else if (node.IsMap()) {
      tree.kind = Tree::Kind::kMap;
      for (const auto& entry : node) {
        if (too_large_) break;
        ConvertEntry(entry.first, entry.second, tree, depth);
      }
    }
    return tree;
  }

  Place PlaceAt(const YAML::Mark& mark, Place fallback) const {
    if (set_ >= 0) return {0, 0, set_};
    return mark.is_null() ? fallback : Place{mark.line + 1, mark.column + 1, -1};
  }

  void Report(Place place, std::string text) { problems_.push_back({place, "", std::move(text)}); }

 private:
  void ConvertEntry(const YAML::Node& key, const YAML::Node& value, Tree& map, int depth) {
    const Place place = PlaceAt(key.Mark(), map.place);
    if (!key.IsScalar()) return Report(place, "a key must be a plain word; write key: value");
    const std::string& name = key.Scalar();
    if (map.Find(name) != nullptr) {
      return Report(place, absl::StrCat("duplicate key '", name, "'; keep one of them"));
    }
    Tree child = Convert(value, place, depth + 1);
    child.key = name;
    child.key_place = place;
    map.children.push_back(std::move(child));
  }

  const int set_;
  std::vector<Problem>& problems_;
  int nodes_ = 0;
  bool too_large_ = false;
};

}  // namespace

Tree ParseYaml(absl::string_view text, int set, std::vector<Problem>& problems) {
  Converter converter(set, problems);
  const Place start = {set < 0 ? 1 : 0, set < 0 ? 1 : 0, set};
  if (text.size() > kMostBytes) {
    converter.Report(start, absl::StrCat("the text has ", text.size(), " bytes; at most ",
                                         kMostBytes, " are allowed"));
    return {};
  }
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() > 1) {
      const Place place = converter.PlaceAt(documents[1].Mark(), start);
      converter.Report(place, "a second YAML document begins here; keep one job in a file");
      return {};
    }
    if (documents.empty()) return Tree{};
    return converter.Convert(documents[0], start, 0);
  } catch (const YAML::Exception& error) {
    converter.Report(converter.PlaceAt(error.mark, start),
                     absl::StrCat("not valid YAML: ", error.msg, "; correct the syntax"));
  } catch (const std::exception& error) {
    converter.Report(start, absl::StrCat("not readable as YAML: ", error.what()));
  }
  return {};
}

}  // namespace hebb::spec
