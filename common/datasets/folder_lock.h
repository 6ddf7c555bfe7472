// SPDX-License-Identifier: Apache-2.0
// One process at a time works on a data folder.
#ifndef HEBB_COMMON_DATASETS_FOLDER_LOCK_H_
#define HEBB_COMMON_DATASETS_FOLDER_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hebb::datasets {

// Holds flock(2) on `<folder>/.lock` until it is destroyed; the kernel frees it if the process
// dies. DEADLINE_EXCEEDED when another process keeps it for longer than `wait`.
class FolderLock {
 public:
  static absl::StatusOr<std::unique_ptr<FolderLock>> Acquire(const std::string& folder,
                                                             absl::Duration wait);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace hebb::datasets

#endif  // HEBB_COMMON_DATASETS_FOLDER_LOCK_H_
