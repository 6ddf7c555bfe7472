// SPDX-License-Identifier: Apache-2.0
#include "server/store/digest_rules.h"

#include "absl/strings/str_cat.h"
#include "common/sha256.h"

namespace hebb::store {
namespace {

std::string Source(const job::StepDigest& digest) {
  return absl::StrCat("rank ", digest.rank, " (worker ", digest.worker, ", host ", digest.host,
                      ", attempt ", digest.attempt, ") has ", digest.weights_digest.substr(0, 12));
}

}  // namespace

std::string ChainLink(absl::string_view before, int64_t step, absl::string_view weights_digest) {
  return Sha256Hex(absl::StrCat(before, "\n", step, "\n", weights_digest));
}

absl::StatusOr<DigestAction> JudgeDigest(const std::optional<job::StepDigest>& kept,
                                         int64_t last_step, const job::StepDigest& told,
                                         bool exact) {
  if (!kept) return told.step > last_step ? DigestAction::kAppend : DigestAction::kSkip;
  if (kept->weights_digest == told.weights_digest) return DigestAction::kSkip;
  // Replicas of one attempt have the same sums. A later attempt repeats the bits only where they
  // do not depend on the gang or on the kernels.
  const bool replicas = kept->attempt == told.attempt;
  if (!replicas && (!exact || kept->kernel_family != told.kernel_family)) {
    return DigestAction::kReplaceFrom;
  }
  return absl::AbortedError(absl::StrCat(
      "step ", told.step, ": ", replicas ? "replicas differ" : "a repeated step came out different",
      ": ", Source(*kept), ", ", Source(told),
      "; one of these hosts computes or remembers wrongly: `hebb verify` tells which from the last "
      "good record on, then test its memory and submit the job again without it"));
}

}  // namespace hebb::store
