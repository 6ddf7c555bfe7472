// SPDX-License-Identifier: Apache-2.0
#include "server/store/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace hebb::store {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kIncoming = "incoming";  // files on their way in

absl::Status ErrnoStatus(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat(path, ": ", what, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(absl::StrCat(message, "; free space on its disk"));
  }
  return absl::InternalError(message);
}

absl::Status SyncFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("open to sync", path);
  absl::Status status = fsync(fd) == 0 ? absl::OkStatus() : ErrnoStatus("fsync", path);
  close(fd);
  return status;
}

// Digests come from the wire and become file names: anything else would be a way out of the folder.
absl::Status CheckDigest(const std::string& sha256) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (sha256.size() == 64 && std::all_of(sha256.begin(), sha256.end(), is_hex)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("a SHA-256 is 64 lower-case hex digits");
}

std::string FolderOf(const std::string& root, const std::string& sha256) {
  return absl::StrCat(root, "/", sha256.substr(0, 2));
}

std::string PathOf(const std::string& root, const std::string& sha256) {
  return absl::StrCat(FolderOf(root, sha256), "/", sha256);
}

class FileWriter : public BlobWriter {
 public:
  FileWriter(std::string root, std::string path, int fd)
      : root_(std::move(root)), path_(std::move(path)), fd_(fd) {}
  ~FileWriter() override {
    close(fd_);
    if (!committed_) unlink(path_.c_str());
  }

  absl::Status Append(int64_t offset, absl::string_view data) override {
    HEBB_RETURN_IF_ERROR(state_);
    if (offset != size_) {
      return absl::InvalidArgumentError(
          absl::StrCat("a piece at offset ", offset, " where ", size_, " comes next"));
    }
    state_ = WriteAll(data);
    if (state_.ok()) {
      sum_.Update(data);
      size_ += static_cast<int64_t>(data.size());
    }
    return state_;
  }

  absl::Status Commit(const std::string& sha256) override {
    HEBB_RETURN_IF_ERROR(state_);
    HEBB_RETURN_IF_ERROR(CheckDigest(sha256));
    state_ = absl::FailedPreconditionError("the file was committed already");
    const std::string actual = sum_.Finish();
    if (actual != sha256) {
      state_ = absl::DataLossError(absl::StrCat("damaged on its way: ", size_, " bytes of SHA-256 ",
                                                actual, " arrived instead of ", sha256));
      return state_;
    }
    const std::string folder = FolderOf(root_, sha256);
    HEBB_RETURN_IF_ERROR(MakeFolder(folder));
    HEBB_RETURN_IF_ERROR(SyncFolder(root_));
    HEBB_RETURN_IF_ERROR(CommitFile(path_, PathOf(root_, sha256)));
    committed_ = true;
    return absl::OkStatus();
  }

 private:
  absl::Status WriteAll(absl::string_view data) {
    while (!data.empty()) {
      const ssize_t n = write(fd_, data.data(), data.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus("write", path_);
      data.remove_prefix(static_cast<size_t>(n));
    }
    return absl::OkStatus();
  }

  const std::string root_;
  const std::string path_;
  const int fd_;
  Sha256 sum_;
  int64_t size_ = 0;
  absl::Status state_;  // the first error stays: the file is incomplete for good
  bool committed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore>> BlobStore::Open(const std::string& folder) {
  const std::string incoming = absl::StrCat(folder, "/", kIncoming);
  std::error_code error;
  fs::remove_all(incoming, error);  // what a crash left
  if (error) {
    return absl::InternalError(absl::StrCat(incoming, ": cannot be emptied: ", error.message()));
  }
  HEBB_RETURN_IF_ERROR(MakeFolder(incoming));
  return std::unique_ptr<BlobStore>(new BlobStore(folder));
}

absl::StatusOr<std::unique_ptr<BlobWriter>> BlobStore::Write() {
  std::string path = absl::StrCat(folder_, "/", kIncoming, "/XXXXXX");
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd < 0) return ErrnoStatus("create", path);
  return std::make_unique<FileWriter>(folder_, path, fd);
}

absl::Status BlobStore::CheckRoom(int64_t bytes, int64_t free_min) const {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder_, error);
  if (error) return absl::InternalError(absl::StrCat(folder_, ": ", error.message()));
  const auto free = static_cast<int64_t>(space.available);
  if (free - bytes >= free_min) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the coordinator's disk has ", free >> 20, " MiB free and keeps ", free_min >> 20,
      " of them for running jobs; archive old jobs, or ask for more room"));
}

absl::StatusOr<std::string> BlobStore::VerifiedPath(const std::string& sha256) const {
  HEBB_RETURN_IF_ERROR(CheckDigest(sha256));
  const std::string path = PathOf(folder_, sha256);
  const absl::StatusOr<std::string> actual = Sha256OfFile(path);
  if (absl::IsNotFound(actual.status())) {
    return absl::NotFoundError(absl::StrCat("no stored file ", sha256));
  }
  HEBB_RETURN_IF_ERROR(actual.status());
  if (*actual != sha256) {
    return absl::DataLossError(
        absl::StrCat(path, ": damaged on disk: its content has SHA-256 ", *actual));
  }
  return path;
}

absl::StatusOr<std::vector<std::string>> BlobStore::StoredBefore(absl::Time time) const {
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator at(folder_, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!CheckDigest(name).ok() || at->path() != PathOf(folder_, name)) continue;  // not ours
    struct stat file = {};
    const bool is_old = stat(at->path().c_str(), &file) == 0 && S_ISREG(file.st_mode) &&
                        absl::TimeFromTimespec(file.st_mtim) < time;
    if (is_old) found.push_back(name);
  }
  if (error) {
    return absl::InternalError(absl::StrCat(folder_, ": cannot be read: ", error.message(),
                                            "; check the disk and the rights on it"));
  }
  return found;
}

absl::Status BlobStore::Remove(const std::string& sha256) {
  HEBB_RETURN_IF_ERROR(CheckDigest(sha256));
  const std::string path = PathOf(folder_, sha256);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus("remove", path);
}

}  // namespace hebb::store
