// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/checks.h"

#include <algorithm>
#include <regex>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hebb::tidy {
namespace {

constexpr int kWidth = 100;
constexpr int kSourceLines = 500;
constexpr int kHeaderLines = 250;

int Columns(const std::string& line) {
  return static_cast<int>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;  // not inside a UTF-8 sequence
  }));
}

std::string GuardOf(const std::string& path) {
  std::string guard = absl::StrCat("HEBB_", absl::AsciiStrToUpper(path), "_");
  for (char& c : guard) c = absl::ascii_isalnum(c) ? c : '_';
  return guard;
}

struct Word {
  std::regex pattern;
  const char* why;
  bool only_tests;
  bool code_only;  // else in every text file
};

// The literals are split so that this file does not breach its own rule.
const std::vector<Word>& Words() {
  static const auto* words = new std::vector<Word>{
      {std::regex("\\b(TO"
                  "DO|FIX"
                  "ME|XX"
                  "X)\\b"),
       "finish it, or make it an issue", false, true},
      {std::regex("\\busing"
                  " namespace\\b"),
       "name what you use", false, true},
      {std::regex("\\b(sleep"
                  "_for|usl"
                  "eep|Sleep"
                  "For)\\b"),
       "wait on a condition with a deadline", true, true},
      {std::regex("(/ho"
                  "me/|/wo"
                  "rk/|/ro"
                  "ot/|/tmp/w"
                  "t/)"),
       "a path of one machine", false, false},
  };
  return *words;
}

}  // namespace

Findings CheckLicence(const SourceFile& file) {
  const bool wanted =
      HasExtension(file, {".h", ".cc", ".cu", ".cuh", ".proto", ".cmake", ".sh", "CMakeLists.txt"});
  if (!wanted) return {};
  const std::vector<std::string> lines = Lines(file.text);
  const size_t first = !lines.empty() && absl::StartsWith(lines[0], "#!") ? 1 : 0;
  if (lines.size() > first &&
      absl::StrContains(lines[first], "SPDX-License-Identifier: Apache-2.0")) {
    return {};
  }
  return {{"licence", file.path, 1, 1, "the SPDX line must be the first"}};
}

Findings CheckGuard(const SourceFile& file) {
  if (!HasExtension(file, {".h", ".cuh"})) return {};
  const std::string guard = GuardOf(file.path);
  for (const std::string& line : {absl::StrCat("#ifndef ", guard, "\n#define ", guard, "\n"),
                                  absl::StrCat("#endif  // ", guard, "\n")}) {
    if (!absl::StrContains(file.text, line)) {
      return {{"guard", file.path, 1, 1, absl::StrCat("the header guard must be ", guard)}};
    }
  }
  return {};
}

Findings CheckWidth(const SourceFile& file) {
  Findings findings;
  if (!IsCpp(file) && !HasExtension(file, {".proto"})) return findings;
  int number = 0;
  for (const std::string& line : Lines(file.text)) {
    ++number;
    const int columns = Columns(line);
    if (columns <= kWidth) continue;
    findings.push_back(
        {"width", file.path, number, 1, absl::StrCat(columns, " columns, at most ", kWidth)});
  }
  return findings;
}

Findings CheckFileSize(const SourceFile& file) {
  if (!IsCpp(file)) return {};
  const int limit = HasExtension(file, {".h", ".cuh"}) ? kHeaderLines : kSourceLines;
  const int lines = static_cast<int>(Lines(file.text).size());
  if (lines <= limit) return {};
  return {{"file-size", file.path, 1, lines, absl::StrCat(lines, " lines, at most ", limit)}};
}

Findings CheckWords(const SourceFile& file) {
  Findings findings;
  const bool is_test = absl::StartsWith(file.path, "tests/");
  int number = 0;
  for (const std::string& line : Lines(file.text)) {
    ++number;
    for (const Word& word : Words()) {
      if ((word.only_tests && !is_test) || (word.code_only && !IsCpp(file))) continue;
      std::smatch match;
      if (!std::regex_search(line, match, word.pattern)) continue;
      findings.push_back(
          {"word", file.path, number, 1, absl::StrCat("'", match.str(), "': ", word.why)});
    }
  }
  return findings;
}

Findings CheckListed(const std::vector<SourceFile>& tree) {
  Findings findings;
  for (const SourceFile& file : tree) {
    if (!HasExtension(file, {".cc", ".cu"})) continue;
    bool listed = false;
    for (const SourceFile& list : tree) {
      if (!absl::EndsWith(list.path, "CMakeLists.txt")) continue;
      const std::string folder =
          list.path.substr(0, list.path.size() - sizeof("CMakeLists.txt") + 1);
      if (!absl::StartsWith(file.path, folder)) continue;
      const std::regex name("(^|[\\s(/\"])" + file.path.substr(folder.size()) + "($|[\\s)\"])");
      listed = listed || std::regex_search(list.text, name);
    }
    if (!listed) {
      findings.push_back({"unlisted", file.path, 1, 1, "no CMakeLists.txt names it"});
    }
  }
  return findings;
}

Findings CheckAll(const std::vector<SourceFile>& tree) {
  Findings all = CheckListed(tree);
  for (Finding& finding : CheckMissingIncludes(tree)) all.push_back(std::move(finding));
  for (const SourceFile& file : tree) {
    for (const auto check : {CheckLicence, CheckGuard, CheckWidth, CheckFileSize, CheckFunctionSize,
                             CheckWords, CheckIncludes}) {
      for (Finding& finding : check(file)) all.push_back(std::move(finding));
    }
  }
  return all;
}

}  // namespace hebb::tidy
