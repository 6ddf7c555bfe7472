// SPDX-License-Identifier: Apache-2.0
// Whole-file reads and crash-safe writes.
#ifndef HEBB_COMMON_FILES_H_
#define HEBB_COMMON_FILES_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/byte_output.h"
#include "common/descriptor.h"

namespace hebb {

// NOT_FOUND when there is no such file.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes beside `path`, fsyncs the file, renames it over `path`, fsyncs the folder: after a crash
// the old content or the new is there, never a part. RESOURCE_EXHAUSTED on a full disk.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content);

// The same, piece by piece. Dropped without Commit, nothing is left behind. One thread at a time.
class AtomicFile final : public ByteOutput {
 public:
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(const std::string& path);
  ~AtomicFile() override;

  absl::Status Append(absl::string_view bytes) override;
  absl::Status Overwrite(size_t at, absl::string_view bytes) override;
  absl::Status Commit();

 private:
  AtomicFile(int fd, std::string path, std::string temporary)
      : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}

  const Descriptor fd_;
  const std::string path_;
  const std::string temporary_;
  size_t size_ = 0;
  bool committed_ = false;
};

// The second half of the above for a file that was written by other means.
absl::Status CommitFile(const std::string& temporary_path, const std::string& path);

// mkdir -p.
absl::Status MakeFolder(const std::string& path);

}  // namespace hebb

#endif  // HEBB_COMMON_FILES_H_
