// SPDX-License-Identifier: Apache-2.0
// Files on the wire: pieces of at most 1 MiB with their offset, the total size on the first, the
// SHA-256 of the whole on the last (proto Chunk). An empty file is one empty chunk.
#ifndef HEBB_COMMON_RPC_CHUNKS_H_
#define HEBB_COMMON_RPC_CHUNKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/files.h"
#include "common/sha256.h"

namespace hebb::v1 {
class Chunk;
}  // namespace hebb::v1

namespace hebb::rpc {

// A file, or bytes in memory, as chunks. One thread at a time. A file is opened once: removing it
// does not disturb; bytes are borrowed.
class ChunkReader {
 public:
  static absl::StatusOr<std::unique_ptr<ChunkReader>> Open(const std::string& path);
  explicit ChunkReader(absl::string_view bytes);
  ~ChunkReader();
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;

  // Fills the next chunk; false after the last. DATA_LOSS when the file can't be read to its end.
  absl::StatusOr<bool> Next(v1::Chunk& chunk);
  int64_t total_bytes() const { return total_bytes_; }

 private:
  ChunkReader(int fd, int64_t total_bytes) : fd_(fd), total_bytes_(total_bytes) {}

  absl::Status Fill(std::string& data);

  const int fd_ = -1;
  const absl::string_view bytes_;  // where there is no file
  const int64_t total_bytes_;
  int64_t offset_ = 0;
  bool finished_ = false;
  Sha256 sum_;
};

// Checks that chunks are one whole file, in order and unchanged. One thread at a time.
class ChunkCheck {
 public:
  // INVALID_ARGUMENT: a gap, a chunk too large, data after the end; DATA_LOSS: the digest differs.
  absl::Status Accept(const v1::Chunk& chunk);
  // DATA_LOSS unless the last chunk has come.
  absl::Status Finish() const;
  const std::string& sha256() const { return sha256_; }
  int64_t bytes() const { return bytes_; }

 private:
  int64_t bytes_ = 0;
  int64_t total_bytes_ = -1;
  std::string sha256_;  // of the whole, once the last chunk was accepted
  Sha256 sum_;
};

// Chunks to a file: written aside, renamed to `path` by Commit. Dropped without Commit, nothing is
// left behind. One thread at a time.
class ChunkFile {
 public:
  static absl::StatusOr<std::unique_ptr<ChunkFile>> Create(const std::string& path);
  absl::Status Append(const v1::Chunk& chunk);  // as ChunkCheck, and RESOURCE_EXHAUSTED
  absl::Status Commit();                        // durable; DATA_LOSS if the last chunk is missing
  const std::string& sha256() const { return check_.sha256(); }

 private:
  explicit ChunkFile(std::unique_ptr<AtomicFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<AtomicFile> file_;
  ChunkCheck check_;
};

}  // namespace hebb::rpc

#endif  // HEBB_COMMON_RPC_CHUNKS_H_
