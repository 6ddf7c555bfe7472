// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/data_path.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace hebb::runtime {
namespace {

namespace fs = std::filesystem;

bool IsBelow(const fs::path& path, const fs::path& root) {
  return absl::StartsWith(path.string(), absl::StrCat(root.string(), "/"));
}

}  // namespace

absl::Status CheckDataPath(const std::string& path, const std::string& data_dir) {
  const auto outside = [&](const std::string& what) {
    return absl::PermissionDeniedError(absl::StrCat("dataset.path ", what,
                                                    " is outside of the workers' data folder ",
                                                    data_dir, "; put the files below it"));
  };
  std::error_code error;
  const fs::path root = fs::weakly_canonical(data_dir, error);
  if (error) return outside(path);
  const fs::path folder = fs::weakly_canonical(path, error);
  if (error || !IsBelow(folder, root)) return outside(path);
  // A link in the folder would lead out of it just as well as one on the way there.
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code dangling;
    const fs::path file = fs::weakly_canonical(at->path(), dangling);
    if (dangling || !IsBelow(file, root)) return outside(at->path().string());
  }
  if (!error) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("dataset.path ", path, " cannot be read (",
                                          error.message(),
                                          "); it must be a folder on each worker"));
}

}  // namespace hebb::runtime
