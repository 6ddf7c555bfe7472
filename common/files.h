// SPDX-License-Identifier: Apache-2.0
// Whole-file reads and crash-safe writes.
#ifndef HEBB_COMMON_FILES_H_
#define HEBB_COMMON_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb {

// NOT_FOUND when there is no such file.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes beside `path`, fsyncs the file, renames it over `path`, fsyncs the folder: after a crash
// the old content or the new is there, never a part. RESOURCE_EXHAUSTED on a full disk.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content);

// The second half of the above for a file that was written by other means.
absl::Status CommitFile(const std::string& temporary_path, const std::string& path);

// mkdir -p.
absl::Status MakeFolder(const std::string& path);

}  // namespace hebb

#endif  // HEBB_COMMON_FILES_H_
