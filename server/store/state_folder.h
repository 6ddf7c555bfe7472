// SPDX-License-Identifier: Apache-2.0
// STATE_DIR: all that a coordinator keeps, held by one coordinator at a time. Layout:
// docs/state_schema.md.
#ifndef HEBB_SERVER_STORE_STATE_FOLDER_H_
#define HEBB_SERVER_STORE_STATE_FOLDER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb::store {

// Holds the lock for its life; the system drops it when the process dies, however it dies. Open it
// before anything below the folder.
class StateFolder {
 public:
  // Makes the folder and locks it. FAILED_PRECONDITION: another process holds it (says which), or
  // it cannot be written. `holder` is what a second coordinator is told, such as
  // "hebb-coordinator on 127.0.0.1:7070"; host and pid are added.
  static absl::StatusOr<std::unique_ptr<StateFolder>> Open(const std::string& path,
                                                           absl::string_view holder);
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string database() const { return path_ + "/state.db"; }
  std::string blobs() const { return path_ + "/blobs"; }
  std::string logs() const { return path_ + "/logs"; }
  // Of the coordinator that this folder makes, whatever process and host: eight of [0-9a-f], made
  // the first time. RESOURCE_EXHAUSTED, FAILED_PRECONDITION: it cannot be kept.
  absl::StatusOr<std::string> ClusterId() const;

 private:
  StateFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  const std::string path_;
  const int lock_;  // file descriptor
};

}  // namespace hebb::store

#endif  // HEBB_SERVER_STORE_STATE_FOLDER_H_
