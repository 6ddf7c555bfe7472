// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/device_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::runtime {
namespace {

absl::Status Unusable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": ", why,
                   "; the locks of GPUs lie there: make it this user's alone, or "
                   "name another folder in XDG_RUNTIME_DIR"));
}

// Under /tmp a folder of that name may be anybody's.
absl::Status MakeOwnFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Unusable(folder, std::strerror(errno));
  }
  struct stat info = {};
  if (lstat(folder.c_str(), &info) != 0) return Unusable(folder, std::strerror(errno));
  const bool own = S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
                   (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  return own ? absl::OkStatus() : Unusable(folder, "no folder that only this user may write to");
}

}  // namespace

std::string DeviceLockFolder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime != 0) return absl::StrCat(runtime, "/hebb");
  return absl::StrCat("/tmp/hebb-", geteuid());
}

absl::StatusOr<std::unique_ptr<DeviceLock>> DeviceLock::Take(const std::string& folder,
                                                             const std::string& uuid, bool shared) {
  HEBB_RETURN_IF_ERROR(MakeOwnFolder(folder));
  const std::string path = absl::StrCat(folder, "/", uuid, ".lock");
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Unusable(path, std::strerror(errno));
  std::unique_ptr<DeviceLock> lock(new DeviceLock(file));
  if (flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return nullptr;
  return Unusable(path, std::strerror(errno));
}

}  // namespace hebb::runtime
