// SPDX-License-Identifier: Apache-2.0
// What lists and overviews read of the state file: bounded however many jobs there are.
#ifndef HEBB_SERVER_STORE_JOB_PAGES_H_
#define HEBB_SERVER_STORE_JOB_PAGES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/job/job.h"
#include "server/store/job_store.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Without the counts.
absl::StatusOr<JobStore::Listing> ReadPage(Database& database, const JobStore::Filter& filter,
                                           const JobStore::Page& page);
// The query behind it: (created_ns, sequence) of the page's jobs. `first`: it is the first page.
std::string PageQuery(const JobStore::Filter& filter, bool first);

// Of the jobs that are not archived; states without a job are absent.
absl::StatusOr<job::StateCounts> ReadCounts(Database& database);

// Jobs that have not ended or ended after a time, its parameter.
std::string RecentCondition();

absl::StatusOr<bool> IsInitOfLiving(Database& database, absl::string_view sha256);

// As JobStore::EndedBefore and ArchivedBefore.
absl::StatusOr<std::vector<std::string>> ReadEndedBefore(Database& database, absl::Time time,
                                                         int64_t limit);
absl::StatusOr<std::vector<std::string>> ReadArchivedBefore(Database& database, absl::Time time,
                                                            int64_t limit);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_JOB_PAGES_H_
