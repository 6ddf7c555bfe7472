// SPDX-License-Identifier: Apache-2.0
// Files by their SHA-256 (checkpoints, uploaded weights), below the state folder.
#ifndef HEBB_SERVER_STORE_BLOB_STORE_H_
#define HEBB_SERVER_STORE_BLOB_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::store {

// A file on its way in. One thread at a time. Dropped without Commit, it leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // INVALID_ARGUMENT unless `offset` is where the last piece ended.
  virtual absl::Status Append(int64_t offset, absl::string_view data) = 0;
  // Once. DATA_LOSS if the content's SHA-256 is not `sha256`; durable when it returns OK.
  virtual absl::Status Commit(const std::string& sha256) = 0;
};

// Thread-safe. Folder: STATE_DIR/blobs/<first two letters>/<sha256>; REQUIRES: one BlobStore a
// folder (StateFolder's lock sees to it).
class BlobStore {
 public:
  // Removes what a crash left unfinished.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(const std::string& folder);

  absl::StatusOr<std::unique_ptr<BlobWriter>> Write();
  // RESOURCE_EXHAUSTED if the disk would have less than `free_min` bytes free with `bytes` more.
  absl::Status CheckRoom(int64_t bytes, int64_t free_min) const;
  // The file's path after its content was checked against its name: NOT_FOUND, DATA_LOSS.
  absl::StatusOr<std::string> VerifiedPath(const std::string& sha256) const;
  // The digests of the files that were stored before `time`, in no order.
  absl::StatusOr<std::vector<std::string>> StoredBefore(absl::Time time) const;
  // OK when it is gone already.
  absl::Status Remove(const std::string& sha256);

 private:
  explicit BlobStore(std::string folder) : folder_(std::move(folder)) {}
  const std::string folder_;
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_BLOB_STORE_H_
