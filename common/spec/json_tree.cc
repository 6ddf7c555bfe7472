// SPDX-License-Identifier: Apache-2.0
#include "common/spec/json_tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace hebb::spec {
namespace {

using Json = nlohmann::ordered_json;

Tree Convert(const Json& json) {
  Tree tree;
  if (json.is_object()) {
    tree.kind = Tree::Kind::kMap;
    for (const auto& [key, value] : json.items()) {
      tree.children.push_back(Convert(value));
      tree.children.back().key = key;
    }
  } else if (json.is_array()) {
    tree.kind = Tree::Kind::kList;
    for (const Json& item : json) tree.children.push_back(Convert(item));
  } else if (!json.is_null()) {
    tree.kind = Tree::Kind::kScalar;
    tree.text = json.is_string() ? json.get<std::string>() : json.dump();
  }
  return tree;
}

// The library's way takes a microsecond for each text, and a job has two hundred.
bool IsPlain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isprint(c) && c != '"' && c != '\\'; });
}

std::string Quoted(const std::string& text) {
  if (IsPlain(text)) return absl::StrCat("\"", text, "\"");
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Append(const Tree& tree, std::string& out) {
  if (tree.kind == Tree::Kind::kNull) {
    out += "null";
  } else if (tree.kind == Tree::Kind::kScalar) {
    out += tree.quoted ? Quoted(tree.text) : tree.text;
  } else {
    const bool is_map = tree.kind == Tree::Kind::kMap;
    out += is_map ? '{' : '[';
    for (const Tree& child : tree.children) {
      if (&child != &tree.children.front()) out += ',';
      if (is_map) absl::StrAppend(&out, Quoted(child.key), ":");
      Append(child, out);
    }
    out += is_map ? '}' : ']';
  }
}

constexpr int kDeepest = 32;

}  // namespace

absl::StatusOr<Tree> TreeFromJson(absl::string_view json) {
  bool too_deep = false;
  const auto limit = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  const Json parsed = Json::parse(json.begin(), json.end(), limit, /*allow_exceptions=*/false);
  if (too_deep) return absl::InvalidArgumentError("the JSON is nested too deeply");
  if (parsed.is_discarded()) return absl::InvalidArgumentError("not valid JSON");
  return Convert(parsed);
}

std::string TreeToJson(const Tree& tree) {
  std::string out;
  Append(tree, out);
  return out;
}

}  // namespace hebb::spec
