// SPDX-License-Identifier: Apache-2.0
// The tables of the state file and their history. Field by field: docs/state_schema.md.
#ifndef HEBB_SERVER_STORE_SCHEMA_H_
#define HEBB_SERVER_STORE_SCHEMA_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/store/sqlite.h"

namespace hebb::store {

// Brings an empty or older state file to the schema of this build, each step in a transaction.
// FAILED_PRECONDITION: written by a newer Hebb, or not by Hebb at all.
absl::Status Migrate(Database& database, const std::string& path, absl::Time now);

// Reads the whole file. DATA_LOSS, with the remedy: a page of it is damaged. Not seen: other bytes
// in the middle of a text.
absl::Status CheckSound(Database& database, const std::string& path);

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_SCHEMA_H_
