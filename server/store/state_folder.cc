// SPDX-License-Identifier: Apache-2.0
#include "server/store/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::store {
namespace {

std::string HostName() {
  std::array<char, HOST_NAME_MAX + 1> name = {};
  return gethostname(name.data(), HOST_NAME_MAX) == 0 ? name.data() : "unknown host";
}

absl::Status Held(const std::string& path, const std::string& lock_path) {
  const absl::StatusOr<std::string> text = ReadFile(lock_path);
  std::string holder = text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
  if (holder.empty()) holder = "another process";  // it has the lock, but has not yet said its name
  return absl::FailedPreconditionError(absl::StrCat(path, ": in use by ", holder,
                                                    "; stop that one (`hebb down --state-dir ",
                                                    path, "`) or use another --state-dir"));
}

// What the holder says of itself is for people only: losing it costs nothing.
void Sign(int lock, absl::string_view holder) {
  const std::string text = absl::StrCat(holder, ", pid ", getpid(), ", host ", HostName(), "\n");
  if (ftruncate(lock, 0) == 0) (void)!pwrite(lock, text.data(), text.size(), 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateFolder>> StateFolder::Open(const std::string& path,
                                                               absl::string_view holder) {
  HEBB_RETURN_IF_ERROR(MakeFolder(path));
  const std::string lock_path = absl::StrCat(path, "/lock");
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(lock_path, ": ", std::strerror(errno),
                     "; the coordinator's user must be able to write its --state-dir"));
  }
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(lock);
    if (error == EWOULDBLOCK) return Held(path, lock_path);
    return absl::FailedPreconditionError(
        absl::StrCat(lock_path, ": flock: ", std::strerror(error),
                     "; use a --state-dir on a file system with locks"));
  }
  Sign(lock, holder);
  return std::unique_ptr<StateFolder>(new StateFolder(path, lock));
}

StateFolder::~StateFolder() { close(lock_); }

absl::StatusOr<std::string> StateFolder::ClusterId() const {
  const std::string file = path_ + "/cluster_id";
  const absl::StatusOr<std::string> known = ReadFile(file);
  if (known.ok()) return std::string(absl::StripAsciiWhitespace(*known));
  if (!absl::IsNotFound(known.status())) return known.status();
  std::random_device random;
  const std::string id = absl::StrFormat("%08x", random());
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(file, id + "\n"));
  return id;
}

}  // namespace hebb::store
