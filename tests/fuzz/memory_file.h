// SPDX-License-Identifier: Apache-2.0
// Bytes as a file that has a path, for readers that map files.
#ifndef HEBB_TESTS_FUZZ_MEMORY_FILE_H_
#define HEBB_TESTS_FUZZ_MEMORY_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/check.h"

namespace hebb::fuzz {

class MemoryFile {
 public:
  explicit MemoryFile(absl::string_view bytes) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    HEBB_CHECK(fd_ >= 0);
    HEBB_CHECK(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return absl::StrCat("/proc/self/fd/", fd_); }

 private:
  const int fd_;
};

}  // namespace hebb::fuzz

#endif  // HEBB_TESTS_FUZZ_MEMORY_FILE_H_
