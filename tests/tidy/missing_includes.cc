// SPDX-License-Identifier: Apache-2.0
// What presets ci and release precompile (cmake/HebbTargets.cmake) they hand to every file. A file
// that uses some of it without an include would build there and nowhere else.
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/tidy/checks.h"

namespace hebb::tidy {
namespace {

using Headers = std::set<std::string>;
using Words = std::set<std::string>;

// What tells that a header is used. Not each name of it: those that the tree has.
const std::map<std::string, std::string>& NamesByHeader() {
  static const auto* names = new std::map<std::string, std::string>{
      {"algorithm",
       "std::all_of std::any_of std::clamp std::copy std::copy_n std::count_if std::equal "
       "std::fill std::find std::find_if std::lower_bound std::max std::max_element std::min "
       "std::min_element std::none_of std::remove_if std::reverse std::sort std::stable_sort "
       "std::transform std::upper_bound"},
      {"array", "std::array"},
      {"atomic", "std::atomic"},
      {"chrono", "std::chrono"},
      {"cmath",
       "std::ceil std::cos std::exp std::floor std::isfinite std::isnan std::log "
       "std::log1p std::lround std::pow std::sin std::sqrt std::tanh"},
      {"cstdint", "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t"},
      {"cstring", "std::memcmp std::memcpy std::memset std::strcmp std::strlen"},
      {"filesystem", "std::filesystem"},
      {"functional", "std::function"},
      {"map", "std::map std::multimap"},
      {"memory", "std::make_shared std::make_unique std::shared_ptr std::unique_ptr std::weak_ptr"},
      {"optional", "std::nullopt std::optional"},
      {"set", "std::set"},
      {"span", "std::span"},
      {"sstream", "std::istringstream std::ostringstream std::stringstream"},
      {"string", "std::string std::to_string"},
      {"string_view", "std::string_view"},
      {"thread", "std::this_thread std::thread"},
      {"utility", "std::exchange std::forward std::move std::pair std::swap"},
      {"variant", "std::get_if std::holds_alternative std::monostate std::variant std::visit"},
      {"vector", "std::vector"},
      {"absl/status/status.h", "absl::OkStatus absl::Status absl::StatusCode"},
      {"absl/status/statusor.h", "absl::StatusOr"},
      {"absl/strings/str_cat.h", "absl::StrAppend absl::StrCat"},
      {"absl/synchronization/mutex.h", "absl::CondVar absl::Mutex absl::MutexLock"},
      {"absl/time/clock.h", "absl::Now"},
      {"absl/time/time.h",
       "absl::Duration absl::InfiniteFuture absl::Milliseconds absl::Seconds "
       "absl::Time absl::ToDoubleSeconds"},
      {"CLI/CLI.hpp", "CLI::App"},
      {"gmock/gmock.h", "ASSERT_THAT EXPECT_THAT MOCK_METHOD"},
      {"gtest/gtest.h", "TEST TEST_F TEST_P"},
      {"hebb/v1/jobs.grpc.pb.h", "v1::Jobs"},
      {"nlohmann/json.hpp", "nlohmann::json nlohmann::ordered_json"},
  };
  return *names;
}

// Headers that give others of the table by what they are for.
const std::map<std::string, Headers>& GivenBy() {
  static const auto* given = new std::map<std::string, Headers>{
      {"absl/status/statusor.h", {"absl/status/status.h"}},
      {"absl/time/clock.h", {"absl/time/time.h"}},
      {"algorithm", {"utility"}},
      {"map", {"utility"}},
      {"gmock/gmock.h", {"gtest/gtest.h"}},
  };
  return *given;
}

struct Unit {
  Words words;
  Headers includes;
  std::string code;
};

bool IsNamePart(char c) { return absl::ascii_isalnum(c) || c == '_'; }

// `name` and what it stands in: of a::b::c also a::b and b::c.
void AddRuns(const std::vector<absl::string_view>& name, Words& words) {
  for (size_t begin = 0; begin < name.size(); ++begin) {
    std::string run;
    for (size_t end = begin; end < name.size(); ++end) {
      absl::StrAppend(&run, run.empty() ? "" : "::", name[end]);
      words.insert(run);
    }
  }
}

Words WordsOf(const std::string& code) {
  Words words;
  std::vector<absl::string_view> name;  // what stands before the place, part by part
  for (size_t i = 0; i < code.size();) {
    size_t end = i;
    while (end < code.size() && IsNamePart(code[end])) ++end;
    if (end > i) name.push_back(absl::string_view(code).substr(i, end - i));
    const bool goes_on = end > i && code.compare(end, 2, "::") == 0;
    if (!goes_on) {
      AddRuns(name, words);
      name.clear();
    }
    i = goes_on ? end + 2 : end + 1;
  }
  return words;
}

Headers IncludesOf(const std::string& text) {
  Headers includes;
  for (const std::string& line : Lines(text)) {
    if (!absl::StartsWith(line, "#include ")) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, absl::ByAnyChar("<>\""));
    if (parts.size() > 1) includes.insert(parts[1]);
  }
  return includes;
}

// The headers that `path` gets from itself and, through them, from headers of ours.
void Collect(const std::map<std::string, Unit>& units, const std::string& path, Headers& seen) {
  const auto unit = units.find(path);
  if (unit == units.end()) return;
  for (const std::string& header : unit->second.includes) {
    if (seen.insert(header).second) Collect(units, header, seen);
  }
}

Headers AllIncludes(const std::map<std::string, Unit>& units, const std::string& path) {
  Headers all;
  Collect(units, path, all);
  for (const auto& [header, given] : GivenBy()) {
    if (all.contains(header)) all.insert(given.begin(), given.end());
  }
  return all;
}

// A header that only names a class declares it.
bool Declares(const Unit& unit, absl::string_view name) {
  const absl::string_view last = name.substr(name.rfind(':') + 1);
  return absl::StrContains(unit.code, absl::StrCat("class ", last, ";"));
}

// The headers that a CMake file has precompiled.
Headers PrecompiledBy(const std::string& text) {
  static const auto* call =
      new std::regex("(hebb_precompiled\\(|set\\(hebb_common_headers)[^)]*\\)");
  static const auto* header = new std::regex("<([^<>]+)>");
  Headers headers;
  for (std::sregex_iterator it(text.begin(), text.end(), *call), end; it != end; ++it) {
    const std::string list = it->str();
    for (std::sregex_iterator each(list.begin(), list.end(), *header); each != end; ++each) {
      headers.insert((*each)[1]);
    }
  }
  return headers;
}

}  // namespace

Findings CheckMissingIncludes(const std::vector<SourceFile>& tree) {
  std::map<std::string, Unit> units;
  for (const SourceFile& file : tree) {
    if (!IsCpp(file)) continue;
    std::string code = CodeOnly(file.text);
    units[file.path] = {WordsOf(code), IncludesOf(file.text), std::move(code)};
  }
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!HasExtension(file, {".cmake", "CMakeLists.txt"})) continue;
    for (const std::string& header : PrecompiledBy(file.text)) {
      if (NamesByHeader().contains(header)) continue;
      findings.push_back({"missing-include", file.path, 1, 1,
                          absl::StrCat("say in tests/tidy/missing_includes.cc what needs <", header,
                                       ">, which is precompiled")});
    }
  }
  for (const auto& [path, unit] : units) {
    const Headers included = AllIncludes(units, path);
    for (const auto& [header, names] : NamesByHeader()) {
      if (included.contains(header)) continue;
      for (const absl::string_view name : absl::StrSplit(names, ' ')) {
        if (!unit.words.contains(std::string(name)) || Declares(unit, name)) continue;
        findings.push_back(
            {"missing-include", path, 1, 1, absl::StrCat(name, " needs <", header, ">")});
        break;
      }
    }
  }
  return findings;
}

}  // namespace hebb::tidy
