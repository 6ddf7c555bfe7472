// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/chunks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "hebb/v1/jobs.pb.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/rpc/protocol.h"
#include "common/status_macros.h"

namespace hebb::rpc {
namespace {

absl::Status ErrnoStatus(const std::string& path) {
  const int error = errno;
  const std::string message = absl::StrCat(path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  return absl::InternalError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChunkReader>> ChunkReader::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(path);
  struct stat facts;
  if (fstat(fd, &facts) != 0) {
    const absl::Status status = ErrnoStatus(path);
    close(fd);
    return status;
  }
  return std::unique_ptr<ChunkReader>(new ChunkReader(fd, facts.st_size));
}

ChunkReader::ChunkReader(absl::string_view bytes)
    : bytes_(bytes), total_bytes_(static_cast<int64_t>(bytes.size())) {}

ChunkReader::~ChunkReader() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<bool> ChunkReader::Next(v1::Chunk& chunk) {
  if (finished_) return false;
  chunk.Clear();
  chunk.set_offset(offset_);
  if (offset_ == 0) chunk.set_total_bytes(total_bytes_);
  std::string& data = *chunk.mutable_data();
  data.resize(static_cast<size_t>(std::min(kChunkBytes, total_bytes_ - offset_)));
  HEBB_RETURN_IF_ERROR(Fill(data));
  sum_.Update(data);
  offset_ += static_cast<int64_t>(data.size());
  if (offset_ == total_bytes_) {
    finished_ = true;
    chunk.set_sha256(sum_.Finish());
  }
  return true;
}

absl::Status ChunkReader::Fill(std::string& data) {
  if (fd_ < 0) {
    bytes_.copy(data.data(), data.size(), static_cast<size_t>(offset_));
    return absl::OkStatus();
  }
  size_t filled = 0;
  while (filled < data.size()) {
    const ssize_t n = read(fd_, data.data() + filled, data.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      return absl::DataLossError(
          absl::StrCat("file ends or fails at byte ", offset_ + filled, " of ", total_bytes_));
    }
    filled += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

absl::Status ChunkCheck::Accept(const v1::Chunk& chunk) {
  if (!sha256_.empty()) return absl::InvalidArgumentError("a chunk after the last one");
  if (chunk.offset() != bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk at offset ", chunk.offset(), " where ", bytes_, " was due"));
  }
  if (static_cast<int64_t>(chunk.data().size()) > kChunkBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("chunk of ", chunk.data().size(), " bytes; at most ", kChunkBytes));
  }
  if (total_bytes_ < 0) total_bytes_ = chunk.total_bytes();
  sum_.Update(chunk.data());
  bytes_ += static_cast<int64_t>(chunk.data().size());
  if (chunk.sha256().empty()) return absl::OkStatus();
  const std::string sha256 = sum_.Finish();
  if (sha256 != chunk.sha256() || bytes_ != total_bytes_) {
    return absl::DataLossError(absl::StrCat("file of ", bytes_, " bytes arrived with SHA-256 ",
                                            sha256, "; announced were ", total_bytes_,
                                            " bytes and ", chunk.sha256()));
  }
  sha256_ = sha256;
  return absl::OkStatus();
}

absl::Status ChunkCheck::Finish() const {
  if (!sha256_.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the stream ended after ", bytes_, " of ",
                                          std::max<int64_t>(total_bytes_, 0), " bytes"));
}

absl::StatusOr<std::unique_ptr<ChunkFile>> ChunkFile::Create(const std::string& path) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  return std::unique_ptr<ChunkFile>(new ChunkFile(std::move(file)));
}

absl::Status ChunkFile::Append(const v1::Chunk& chunk) {
  HEBB_RETURN_IF_ERROR(check_.Accept(chunk));
  return file_->Append(chunk.data());
}

absl::Status ChunkFile::Commit() {
  HEBB_RETURN_IF_ERROR(check_.Finish());
  return file_->Commit();
}

}  // namespace hebb::rpc
