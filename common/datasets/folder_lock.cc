// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace hebb::datasets {

absl::StatusOr<std::unique_ptr<FolderLock>> FolderLock::Acquire(const std::string& folder,
                                                                absl::Duration wait) {
  const std::string path = folder + "/.lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return absl::PermissionDeniedError(absl::StrCat(path, ": ", std::strerror(errno),
                                                    "; choose a data folder that can be written"));
  }
  std::unique_ptr<FolderLock> lock(new FolderLock(fd));
  const absl::Time deadline = absl::Now() + wait;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return absl::InternalError(absl::StrCat(path, ": flock: ", std::strerror(errno)));
    }
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(path, ": another process has held it for ",
                                                      absl::FormatDuration(wait),
                                                      "; end that process or try again later"));
    }
    absl::SleepFor(absl::Milliseconds(20));  // flock has no wait with a deadline
  }
  return lock;
}

FolderLock::~FolderLock() { close(fd_); }

}  // namespace hebb::datasets
