// SPDX-License-Identifier: Apache-2.0
// A file as read-only memory.
#ifndef HEBB_WORKER_DATA_MAPPED_FILE_H_
#define HEBB_WORKER_DATA_MAPPED_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace hebb::data {

// Immutable; thread-safe. The mapping lives as long as the object. A file that is cut short by
// someone while it is mapped raises SIGBUS: data folders are written by renames only.
class MappedFile {
 public:
  // NOT_FOUND if there is no such file.
  static absl::StatusOr<MappedFile> Open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept
      : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  std::span<const uint8_t> bytes() const { return bytes_; }

 private:
  MappedFile(std::string path, std::span<const uint8_t> bytes)
      : path_(std::move(path)), bytes_(bytes) {}

  std::string path_;
  std::span<const uint8_t> bytes_;
};

}  // namespace hebb::data

#endif  // HEBB_WORKER_DATA_MAPPED_FILE_H_
