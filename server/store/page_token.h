// SPDX-License-Identifier: Apache-2.0
// Where a page of jobs ended, as a text that clients hand back and do not look into.
#ifndef HEBB_SERVER_STORE_PAGE_TOKEN_H_
#define HEBB_SERVER_STORE_PAGE_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/job_store.h"

namespace hebb::store {

// The last job of a page; the next one begins with what is older.
struct PageEnd {
  int64_t created_ns = 0;
  int64_t sequence = 0;
};

std::string PageToken(const PageEnd& end, const JobStore::Filter& filter);
// INVALID_ARGUMENT unless PageToken made it for the same filter.
absl::StatusOr<PageEnd> ReadPageToken(absl::string_view token, const JobStore::Filter& filter);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_PAGE_TOKEN_H_
