// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/program_output.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace hebb::client::doctor {

std::optional<Json> JsonOf(const std::string& output) {
  std::vector<std::string> lines = absl::StrSplit(output, '\n');
  std::reverse(lines.begin(), lines.end());
  for (const std::string& line : lines) {
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) return json;
  }
  return std::nullopt;
}

std::string TextOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

double NumberOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : 0;
}

Json SectionOf(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_object() ? *found : Json::object();
}

std::string FirstWords(const std::string& output) {
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    if (!line.empty()) return std::string(line.substr(0, 200));
  }
  return "nothing was printed";
}

}  // namespace hebb::client::doctor
