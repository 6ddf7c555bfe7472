// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/work_folder.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::runtime {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "worker-";

void RemoveThoseOfTheDead(const std::string& parent) {
  std::error_code error;
  std::vector<fs::path> folders;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    if (absl::StartsWith(it->path().filename().string(), kPrefix)) folders.push_back(it->path());
  }
  for (const fs::path& folder : folders) {
    const auto lock = datasets::FolderLock::Acquire(folder.string(), absl::ZeroDuration());
    if (lock.ok()) fs::remove_all(folder, error);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkFolder>> WorkFolder::Create(const std::string& parent) {
  HEBB_RETURN_IF_ERROR(MakeFolder(parent));
  RemoveThoseOfTheDead(parent);
  std::string path = absl::StrCat(parent, "/", kPrefix, getpid());
  HEBB_RETURN_IF_ERROR(MakeFolder(path));
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<datasets::FolderLock> lock,
                        datasets::FolderLock::Acquire(path, absl::Seconds(1)));
  return std::unique_ptr<WorkFolder>(new WorkFolder(std::move(path), std::move(lock)));
}

WorkFolder::WorkFolder(std::string path, std::unique_ptr<datasets::FolderLock> lock)
    : path_(std::move(path)), lock_(std::move(lock)) {}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace hebb::runtime
