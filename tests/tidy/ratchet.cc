// SPDX-License-Identifier: Apache-2.0
#include "tests/tidy/ratchet.h"

#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace hebb::tidy {
namespace {

using Key = std::pair<std::string, std::string>;  // rule, subject

// The rule's measure: the size where the rule is about one, else the number of breaches.
std::map<Key, int> Measure(const std::vector<Finding>& findings) {
  std::map<Key, int> measured;
  for (const Finding& finding : findings) {
    measured[{finding.rule, finding.subject}] += finding.value;
  }
  return measured;
}

}  // namespace

absl::StatusOr<std::vector<Exception>> ParseExceptions(const std::string& text) {
  std::vector<Exception> exceptions;
  int number = 0;
  for (const std::string& line : Lines(text)) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    Exception exception;
    if (parts.size() < 4 || !absl::SimpleAtoi(parts[2], &exception.value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "tests/tidy/exceptions.txt:", number, ": want 'rule subject value reason', got: ", line));
    }
    exception.rule = parts[0];
    exception.subject = parts[1];
    exception.line = number;
    exceptions.push_back(exception);
  }
  return exceptions;
}

std::vector<std::string> Judge(const std::vector<Finding>& findings,
                               const std::vector<Exception>& exceptions) {
  const std::map<Key, int> measured = Measure(findings);
  std::map<Key, int> allowed;
  std::vector<std::string> todo;
  for (const Exception& exception : exceptions) {
    const Key key(exception.rule, exception.subject);
    allowed[key] = exception.value;
    const auto now = measured.find(key);
    const std::string entry = absl::StrCat("tests/tidy/exceptions.txt:", exception.line, ": ",
                                           exception.rule, " ", exception.subject);
    if (now == measured.end()) {
      todo.push_back(absl::StrCat(entry, " is no longer needed: remove it"));
    } else if (now->second < exception.value) {
      todo.push_back(absl::StrCat(entry, " is down to ", now->second, ": lower it"));
    }
  }
  for (const Finding& finding : findings) {
    const Key key(finding.rule, finding.subject);
    const auto limit = allowed.find(key);
    if (limit != allowed.end() && measured.at(key) <= limit->second) continue;
    const size_t colon = finding.subject.find(':');
    const std::string name =
        colon == std::string::npos ? "" : finding.subject.substr(colon + 1) + ": ";
    todo.push_back(absl::StrCat(finding.subject.substr(0, colon), ":", finding.line, ": ",
                                finding.rule, ": ", name, finding.message));
  }
  return todo;
}

}  // namespace hebb::tidy
