// SPDX-License-Identifier: Apache-2.0
#include "client/local/log_bound.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/descriptor.h"

namespace hebb::client {
namespace {

// To the end of `from`, which may grow meanwhile. False: errno says why.
bool CopyRest(int from, int to) {
  constexpr size_t kPiece = 1 << 20;
  ssize_t sent;
  do {
    sent = sendfile(to, from, nullptr, kPiece);
  } while (sent > 0 || (sent < 0 && errno == EINTR));
  return sent == 0;
}

}  // namespace

absl::Status BoundLog(const std::string& path, int64_t bytes) {
  struct stat now;
  if (stat(path.c_str(), &now) != 0 || now.st_size <= bytes) return absl::OkStatus();
  const std::string aside = path + ".1";
  const Descriptor from(open(path.c_str(), O_RDWR | O_CLOEXEC));
  const Descriptor to(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const bool done = from.get() >= 0 && to.get() >= 0 &&
                    lseek(from.get(), now.st_size - bytes, SEEK_SET) >= 0 &&
                    CopyRest(from.get(), to.get()) && ftruncate(from.get(), 0) == 0;
  if (done) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("cannot set the log ", path, " aside as ", aside, ": ", std::strerror(errno)));
}

}  // namespace hebb::client
