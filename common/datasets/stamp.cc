// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/stamp.h"

#include <sys/stat.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

std::string StampPath(const std::string& folder) { return folder + "/.verified"; }

// One line a file: name, bytes, time of change in nanoseconds, SHA-256.
absl::StatusOr<std::string> Describe(const DataSet& set, const std::string& folder) {
  std::string text;
  for (const DataFile& file : set.files) {
    struct stat info = {};
    if (stat((folder + "/" + file.name).c_str(), &info) != 0) {
      return absl::NotFoundError(absl::StrCat(folder, "/", file.name, ": no such file"));
    }
    absl::StrAppend(&text, file.name, " ", info.st_size, " ", info.st_mtim.tv_sec, ".",
                    info.st_mtim.tv_nsec, " ", file.sha256, "\n");
  }
  return text;
}

}  // namespace

bool StampIsValid(const DataSet& set, const std::string& folder) {
  const absl::StatusOr<std::string> stamp = ReadFile(StampPath(folder));
  if (!stamp.ok()) return false;
  const absl::StatusOr<std::string> now = Describe(set, folder);
  return now.ok() && *now == *stamp;
}

absl::Status WriteStamp(const DataSet& set, const std::string& folder) {
  HEBB_ASSIGN_OR_RETURN(const std::string text, Describe(set, folder));
  return WriteFileAtomically(StampPath(folder), text);
}

}  // namespace hebb::datasets
