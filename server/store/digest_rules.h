// SPDX-License-Identifier: Apache-2.0
// The rules of the chain of weight digests (docs/verify.md), the same for every JobStore. Pure.
#ifndef HEBB_SERVER_STORE_DIGEST_RULES_H_
#define HEBB_SERVER_STORE_DIGEST_RULES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"

namespace hebb::store {

// SHA-256 over the link before ("" for the first), the step and its digest.
std::string ChainLink(absl::string_view before, int64_t step, absl::string_view weights_digest);

enum class DigestAction {
  kSkip,         // it is there, or its place has passed
  kAppend,       // it is the next one
  kReplaceFrom,  // the record from this step on is another calculation's: drop that, then append
};

// What becomes of `told` in a chain that ends at `last_step` and has `kept` of the same step.
// `exact`: the job promises equal bits whatever its gang. ABORTED: both should be the same and
// are not; names the step, who said which, and the remedy.
absl::StatusOr<DigestAction> JudgeDigest(const std::optional<job::StepDigest>& kept,
                                         int64_t last_step, const job::StepDigest& told,
                                         bool exact);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_DIGEST_RULES_H_
