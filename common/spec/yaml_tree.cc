// SPDX-License-Identifier: Apache-2.0
#include "common/spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace hebb::spec {
namespace {

constexpr size_t kMostBytes = 1 << 20;
constexpr int kMostNodes = 100000;  // aliases may repeat a node: this bounds what they unfold to
constexpr size_t kDeepest = 16;

// Nothing but white space and comments.
bool IsBlank(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#') return false;
  }
  return true;
}

// Whether the null that begins here is written out; a longer word is none.
bool IsNullWord(absl::string_view text) {
  return absl::StartsWithIgnoreCase(text, "null") || absl::StartsWith(text, "~");
}

struct Stop {};  // thrown through yaml-cpp: what follows is of no interest

// Builds the tree from yaml-cpp's events: one pass, which stops where the limits are reached or a
// second document begins (YAML::LoadAll never comes back from some broken texts).
class Builder : public YAML::EventHandler {
 public:
  Builder(absl::string_view text, int set, std::vector<Problem>& problems)
      : text_(text), set_(set), problems_(problems) {}

  Tree Take() { return std::move(root_); }

  Place PlaceAt(const YAML::Mark& mark) const {
    if (set_ >= 0 || mark.is_null()) return {0, 0, set_};
    return {mark.line + 1, mark.column + 1, -1};
  }

  void Report(Place place, std::string text) { problems_.push_back({place, "", std::move(text)}); }

  void OnDocumentStart(const YAML::Mark&) override { ++documents_; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Tree tree;
    tree.place = PlaceAt(mark);
    const absl::string_view rest = text_.substr(std::min<size_t>(mark.pos, text_.size()));
    if (open_.empty() && !IsNullWord(rest)) {  // an empty document is the last one
      if (!IsBlank(rest)) {
        Report(tree.place, "not valid YAML: no value begins here; correct the syntax");
      }
      throw Stop{};
    }
    Add(std::move(tree), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Tree tree;
    tree.place = PlaceAt(mark);
    tree.kind = Tree::Kind::kScalar;
    tree.text = value;
    tree.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    Add(std::move(tree), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) TooLarge(PlaceAt(mark));  // it is within what it names
    Count(found->second, open_.size());
    Add(found->second, 0);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Enter(Tree::Kind::kList, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Enter(Tree::Kind::kMap, mark, anchor);
  }
  void OnSequenceEnd() override { Leave(); }
  void OnMapEnd() override { Leave(); }

 private:
  // A list or map that has not ended.
  struct Open {
    Tree tree;
    YAML::anchor_t anchor = 0;
    std::optional<Tree> key;  // of a map, while its value is awaited
  };

  [[noreturn]] void TooLarge(Place place) {
    Report(place, "the document is too large or too deep; simplify it");
    throw Stop{};
  }

  // Bounds the tree; an alias counts for all that it repeats.
  void Count(const Tree& tree, size_t depth) {
    if (++nodes_ > kMostNodes || depth > kDeepest) TooLarge(tree.place);
    for (const Tree& child : tree.children) Count(child, depth + 1);
  }

  // A document's first node; the first document is the only one.
  void Begin(Place place) {
    if (documents_ > 1 && open_.empty()) {
      Report(place, "a second YAML document begins here; keep one job in a file");
      throw Stop{};
    }
  }

  void Enter(Tree::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Place place = PlaceAt(mark);
    Begin(place);
    if (open_.size() == kDeepest) TooLarge(place);
    Open& open = open_.emplace_back();
    open.tree.kind = kind;
    open.tree.place = place;
    open.anchor = anchor;
  }

  void Leave() {
    Open open = std::move(open_.back());
    open_.pop_back();
    Add(std::move(open.tree), open.anchor);
  }

  // A node is complete: it belongs to the innermost open list or map.
  void Add(Tree tree, YAML::anchor_t anchor) {
    Begin(tree.place);
    if (++nodes_ > kMostNodes) TooLarge(tree.place);
    if (anchor != 0) anchored_[anchor] = tree;
    if (open_.empty()) {
      root_ = std::move(tree);
    } else if (open_.back().tree.kind == Tree::Kind::kList) {
      open_.back().tree.children.push_back(std::move(tree));
    } else if (!open_.back().key.has_value()) {
      open_.back().key = std::move(tree);
    } else {
      Tree key = *std::exchange(open_.back().key, std::nullopt);
      AddEntry(std::move(key), std::move(tree), open_.back().tree);
    }
  }

  void AddEntry(Tree key, Tree value, Tree& map) {
    if (key.kind != Tree::Kind::kScalar) {
      return Report(key.place, "a key must be a plain word; write key: value");
    }
    if (map.Find(key.text) != nullptr) {
      return Report(key.place, absl::StrCat("duplicate key '", key.text, "'; keep one of them"));
    }
    value.key = std::move(key.text);
    value.key_place = key.place;
    map.children.push_back(std::move(value));
  }

  const absl::string_view text_;
  const int set_;
  std::vector<Problem>& problems_;
  Tree root_;
  std::vector<Open> open_;  // outermost first
  std::map<YAML::anchor_t, Tree> anchored_;
  int documents_ = 0;
  int nodes_ = 0;
};

}  // namespace

Tree ParseYaml(absl::string_view text, int set, std::vector<Problem>& problems) {
  std::vector<Problem> found;
  Builder builder(text, set, found);
  const Place start = {set < 0 ? 1 : 0, set < 0 ? 1 : 0, set};
  bool sound = true;
  const auto broken = [&](Place place, std::string why) {
    sound = false;
    found = {{place, "", std::move(why)}};  // the rest may follow from it
  };
  try {
    if (text.size() > kMostBytes) {
      builder.Report(start, absl::StrCat("the text has ", text.size(), " bytes; at most ",
                                         kMostBytes, " are allowed"));
      throw Stop{};
    }
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    sound = found.empty();
  } catch (const YAML::Exception& error) {
    broken(error.mark.is_null() ? start : builder.PlaceAt(error.mark),
           absl::StrCat("not valid YAML: ", error.msg, "; correct the syntax"));
  } catch (const std::exception& error) {
    broken(start, absl::StrCat("not readable as YAML: ", error.what()));
  }
  std::move(found.begin(), found.end(), std::back_inserter(problems));
  return sound ? builder.Take() : Tree{};
}

}  // namespace hebb::spec
