// SPDX-License-Identifier: Apache-2.0
// Which process of this user and machine computes on a GPU: a lock on a file that is named after
// the GPU, so that workers which are started alike take different ones.
#ifndef HEBB_WORKER_RUNTIME_DEVICE_LOCK_H_
#define HEBB_WORKER_RUNTIME_DEVICE_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/descriptor.h"

namespace hebb::runtime {

// Where the files lie: $XDG_RUNTIME_DIR/hebb, else /tmp/hebb-UID, which nobody else may write to.
// Other users, and containers with a folder of their own, are not seen.
std::string DeviceLockFolder();

// Held until it is destroyed or the process ends, however it does.
class DeviceLock {
 public:
  // Makes the folder if it is not there. Null: another process holds the lock. `shared`: beside
  // others that share it. FAILED_PRECONDITION: the folder is another user's, or cannot be used.
  static absl::StatusOr<std::unique_ptr<DeviceLock>> Take(const std::string& folder,
                                                          const std::string& uuid, bool shared);

 private:
  explicit DeviceLock(int file) : file_(file) {}
  const Descriptor file_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_DEVICE_LOCK_H_
