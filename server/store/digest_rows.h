// SPDX-License-Identifier: Apache-2.0
// The chain of weight digests as rows of the state file. No transactions here.
#ifndef HEBB_SERVER_STORE_DIGEST_ROWS_H_
#define HEBB_SERVER_STORE_DIGEST_ROWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// As JobStore::PutDigests.
absl::Status WriteDigests(Database& database, absl::string_view id,
                          const std::vector<job::StepDigest>& digests, bool exact);

// As JobStore::Digests.
absl::StatusOr<std::vector<job::StepDigest>> ReadDigests(Database& database, absl::string_view id,
                                                         int64_t after_step, int64_t limit);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_DIGEST_ROWS_H_
