// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb {
namespace {

absl::Status ErrnoStatus(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat(path, ": ", what, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

absl::Status SyncPath(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("open to sync", path);
  const int rc = fsync(fd);
  absl::Status status = rc == 0 ? absl::OkStatus() : ErrnoStatus("fsync", path);
  close(fd);
  return status;
}

absl::Status WriteAll(const std::string& path, absl::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoStatus("open to write", path);
  absl::Status status;
  while (!content.empty() && status.ok()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      status = ErrnoStatus("write", path);
    } else {
      content.remove_prefix(static_cast<size_t>(n));
    }
  }
  close(fd);
  return status;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return ErrnoStatus("open", path);
  std::ostringstream content;
  content << in.rdbuf();
  if (in.bad()) return absl::DataLossError(absl::StrCat(path, ": read failed"));
  return std::move(content).str();
}

absl::Status CommitFile(const std::string& temporary_path, const std::string& path) {
  HEBB_RETURN_IF_ERROR(SyncPath(temporary_path, O_RDONLY));
  if (std::rename(temporary_path.c_str(), path.c_str()) != 0) return ErrnoStatus("rename", path);
  std::string folder = std::filesystem::path(path).parent_path().string();
  return SyncPath(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content) {
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  absl::Status status = WriteAll(temporary, content);
  if (status.ok()) status = CommitFile(temporary, path);
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::InternalError(absl::StrCat(path, ": mkdir: ", error.message()));
  return absl::OkStatus();
}

}  // namespace hebb
