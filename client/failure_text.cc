// SPDX-License-Identifier: Apache-2.0
#include "client/failure_text.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace hebb::client {
namespace {

std::string Line(absl::string_view name, absl::string_view text) {
  return absl::StrFormat("%-16s%s\n", name, text);
}

// What helps beyond the error's own words.
std::string Next(const v1::Job& job) {
  const v1::Failure& failure = job.failure();
  std::vector<std::string> steps;
  if (!failure.worker().empty()) {
    steps.push_back(absl::StrCat("`hebb logs ", job.id(), " --attempt ", failure.attempt(),
                                 " --rank ", failure.rank(), "` shows all it said"));
  }
  const bool lost = !job.attempts().empty() && job.attempts().rbegin()->outcome() == "lost";
  if (lost && !failure.host().empty()) {
    steps.push_back(absl::StrCat("look at ", failure.host(),
                                 " (its memory, its network), then submit the job again"));
  }
  if (!job.weights_digest().empty()) {
    steps.push_back(absl::StrCat("`hebb export ", job.id(), "` gives its last checkpoint"));
  }
  return absl::StrJoin(steps, "; ");
}

}  // namespace

std::string FailurePlace(const v1::Failure& failure) {
  std::string text = absl::StrCat("attempt ", failure.attempt());
  if (failure.rank() >= 0) absl::StrAppend(&text, ", rank ", failure.rank());
  if (!failure.worker().empty()) {
    absl::StrAppend(&text, ": worker ", failure.worker(), " (host ", failure.host(), ", ",
                    failure.device(), ")");
  }
  return absl::StrCat(text, ", after step ", failure.step());
}

std::string FailureText(const v1::Job& job) {
  if (job.state() != v1::FAILED || !job.has_failure()) return "";
  const v1::Failure& failure = job.failure();
  std::string text = Line("failed", FailurePlace(failure));
  absl::StrAppend(&text, Line("error", failure.error()));
  for (const std::string& line : failure.log_tail()) absl::StrAppend(&text, Line("log", line));
  const std::string next = Next(job);
  if (!next.empty()) absl::StrAppend(&text, Line("next", next));
  return text;
}

}  // namespace hebb::client
