// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/finding.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/format.h"
#include "common/check.h"

namespace hebb::client::doctor {
namespace {

std::string Counted(int64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

int64_t Count(const Findings& findings, Verdict verdict) {
  return std::count_if(findings.begin(), findings.end(),
                       [verdict](const Finding& finding) { return finding.verdict == verdict; });
}

}  // namespace

absl::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kWarning:
      return "warning";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kSkipped:
      return "skipped";
  }
  return "";
}

Finding Ok(absl::string_view check, std::string found) {
  return {std::string(check), Verdict::kOk, std::move(found)};
}

Finding Warning(absl::string_view check, std::string found, std::string remedy) {
  HEBB_CHECK(!remedy.empty());
  return {std::string(check), Verdict::kWarning, std::move(found), std::move(remedy)};
}

Finding Failed(absl::string_view check, std::string found, std::string remedy) {
  HEBB_CHECK(!remedy.empty());
  return {std::string(check), Verdict::kFailed, std::move(found), std::move(remedy)};
}

Finding Skipped(absl::string_view check, std::string why) {
  return {std::string(check), Verdict::kSkipped, std::move(why)};
}

Finding FailedAs(absl::string_view check, const absl::Status& status) {
  const absl::string_view message = status.message();
  const size_t end = message.find("; ");
  if (end == absl::string_view::npos) {
    return Failed(check, std::string(message), "look at the coordinator's log");
  }
  return Failed(check, std::string(message.substr(0, end)), std::string(message.substr(end + 2)));
}

Verdict Worst(const Findings& findings) {
  if (Count(findings, Verdict::kFailed) > 0) return Verdict::kFailed;
  return Count(findings, Verdict::kWarning) > 0 ? Verdict::kWarning : Verdict::kOk;
}

std::string ToText(const Findings& findings) {
  Table table({"VERDICT", "CHECK", "FOUND"});
  for (const Finding& finding : findings) {
    table.Add({std::string(VerdictName(finding.verdict)), finding.check,
               finding.remedy.empty() ? finding.found
                                      : absl::StrCat(finding.found, "; ", finding.remedy)});
  }
  return table.ToString();
}

std::string Summary(const Findings& findings) {
  const int64_t failed = Count(findings, Verdict::kFailed);
  const int64_t warnings = Count(findings, Verdict::kWarning);
  if (failed == 0 && warnings == 0) return "all well";
  if (failed == 0) return Counted(warnings, "warning", "warnings");
  if (warnings == 0) return absl::StrCat(failed, " failed");
  return absl::StrCat(failed, " failed, ", Counted(warnings, "warning", "warnings"));
}

nlohmann::ordered_json ToJson(const Findings& findings) {
  nlohmann::ordered_json array = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    array.push_back({{"check", finding.check},
                     {"verdict", std::string(VerdictName(finding.verdict))},
                     {"found", finding.found},
                     {"remedy", finding.remedy}});
  }
  return array;
}

}  // namespace hebb::client::doctor
