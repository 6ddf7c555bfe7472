// SPDX-License-Identifier: Apache-2.0
// The table of keys for docs/job_file.md: a visitor of schema.h.
#include <concepts>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/parse.h"
#include "common/spec/schema.h"
#include "common/spec/words.h"

namespace hebb::spec {
namespace {

class Reference {
 public:
  template <typename S>
  void Section(const std::string& path, S& value) {
    const std::string outer = std::exchange(path_, path);
    Describe(*this, value);
    path_ = outer;
  }

  template <typename T>
  void Field(const char* key, T& value, const FieldInfo& info) {
    Document(path_.empty() ? key : absl::StrCat(path_, ".", key), value, info);
  }

  template <typename... T>
  void Union(std::variant<T...>&) {
    (AddAlternative<T>(), ...);
  }

  std::string table() const {
    return absl::StrCat("| key | value | default | meaning |\n|---|---|---|---|\n", rows_);
  }

 private:
  template <typename T>
  void AddAlternative() {
    const std::string path = absl::StrCat(path_, ".", Alternative<T>::kKey);
    Row(path, "map", "", Alternative<T>::kDoc);
    T alternative;
    Section(path, alternative);
  }

  void Row(const std::string& path, absl::string_view type, absl::string_view fallback,
           absl::string_view doc) {
    absl::StrAppend(&rows_, "| `", path, "` | ", type, " | ", fallback, " | ", doc, " |\n");
  }

  static std::string Fallback(const FieldInfo& info, absl::string_view initialiser) {
    if (info.required) return "required";
    if (info.default_text != nullptr) return info.default_text;
    return initialiser.empty() ? "" : absl::StrCat("`", initialiser, "`");
  }

  static std::string Number(absl::string_view type, const FieldInfo& info) {
    const std::string range = RangeText(info);
    return range.empty() ? std::string(type) : absl::StrCat(type, ", ", range);
  }

  template <typename S>
  requires std::is_class_v<S>
  void Document(const std::string& path, S& value, const FieldInfo& info) {
    Row(path, "map", Fallback(info, ""), info.doc);
    Section(path, value);
  }
  template <typename T>
  void Document(const std::string& path, std::optional<T>&, const FieldInfo& info) {
    Row(path, Number("number", info), Fallback(info, ""), info.doc);
  }
  void Document(const std::string& path, std::string& value, const FieldInfo& info) {
    Row(path, "text", Fallback(info, value), info.doc);
  }
  void Document(const std::string& path, bool& value, const FieldInfo& info) {
    Row(path, "true, false", Fallback(info, value ? "true" : "false"), info.doc);
  }
  template <std::integral T>
  void Document(const std::string& path, T& value, const FieldInfo& info) {
    Row(path, Number("whole number", info), Fallback(info, absl::StrCat(value)), info.doc);
  }
  void Document(const std::string& path, double& value, const FieldInfo& info) {
    Row(path, Number("number", info), Fallback(info, absl::StrCat(value)), info.doc);
  }
  template <typename E>
  requires std::is_enum_v<E>
  void Document(const std::string& path, E& value, const FieldInfo& info) {
    Row(path, absl::StrJoin(WordList<E>(), ", "), Fallback(info, ToWord(value)), info.doc);
  }
  void Document(const std::string& path, std::vector<std::string>&, const FieldInfo& info) {
    Row(path, "list of texts", Fallback(info, ""), info.doc);
  }
  void Document(const std::string& path, std::vector<int64_t>&, const FieldInfo& info) {
    Row(path, "list of whole numbers", Fallback(info, ""), info.doc);
  }
  void Document(const std::string& path, std::vector<Layer>&, const FieldInfo& info) {
    Row(path, "list of layers", Fallback(info, ""), info.doc);
    Layer layer;
    Section(absl::StrCat(path, "[]"), layer);
  }

  std::string path_;
  std::string rows_;
};

}  // namespace

std::string KeyReference() {
  Reference reference;
  Job defaults;
  reference.Section("", defaults);
  return reference.table();
}

}  // namespace hebb::spec
