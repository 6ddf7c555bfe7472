// SPDX-License-Identifier: Apache-2.0
// What a check of `hebb doctor` has found, and how all of it is shown.
#ifndef HEBB_CLIENT_DOCTOR_FINDING_H_
#define HEBB_CLIENT_DOCTOR_FINDING_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hebb::client::doctor {

enum class Verdict {
  kOk,
  kWarning,  // it works, but will be slow, short, or fail later
  kFailed,   // what depends on it does not work
  kSkipped,  // not looked at, for a reason that `found` has
};

absl::string_view VerdictName(Verdict verdict);  // "ok" ...

struct Finding {
  std::string check;  // dotted, such as "disk.state"; docs/doctor.md lists them
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string remedy = {};  // what to do; "" only with kOk and kSkipped
};

using Findings = std::vector<Finding>;

Finding Ok(absl::string_view check, std::string found);
Finding Warning(absl::string_view check, std::string found, std::string remedy);
Finding Failed(absl::string_view check, std::string found, std::string remedy);
Finding Skipped(absl::string_view check, std::string why);
// Our errors are "cause; remedy".
Finding FailedAs(absl::string_view check, const absl::Status& status);

// The worst of all: kFailed, kWarning, or kOk.
Verdict Worst(const Findings& findings);

// "verdict  check  found; remedy", one line a finding.
std::string ToText(const Findings& findings);
// "2 warnings, 1 failed", or "all well".
std::string Summary(const Findings& findings);
nlohmann::ordered_json ToJson(const Findings& findings);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_FINDING_H_
