// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/data_digests.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <tuple>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/datasets/catalog.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace hebb::runtime {
namespace {

// As long as none of it changes, the content is taken to be the same.
using FileState = std::tuple<std::string, dev_t, ino_t, off_t, int64_t, int64_t>;

absl::StatusOr<FileState> StateOf(const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  return FileState{path,         info.st_dev,         info.st_ino,
                   info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

absl::StatusOr<std::string> DigestOfFile(const std::string& path) {
  static absl::Mutex mutex(absl::kConstInit);
  static auto* const known = new std::map<FileState, std::string>();
  HEBB_ASSIGN_OR_RETURN(const FileState state, StateOf(path));
  {
    absl::MutexLock lock(&mutex);
    const auto found = known->find(state);
    if (found != known->end()) return found->second;
  }
  HEBB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfFile(path));
  absl::MutexLock lock(&mutex);
  return known->emplace(state, sha256).first->second;
}

// Of a file as it was verified; "" if the catalogue does not have it.
std::string CatalogueDigest(const spec::Dataset& dataset, const std::string& name) {
  const datasets::DataSet* set =
      dataset.path.empty() ? datasets::FindDataSet(dataset.name) : nullptr;
  if (set == nullptr) return "";
  for (const datasets::DataFile& file : set->files) {
    if (file.name == name) return file.sha256;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::vector<v1::DataDigest>> DigestsOf(const spec::Dataset& dataset,
                                                      const std::vector<std::string>& files) {
  std::vector<v1::DataDigest> digests;
  for (const std::string& path : files) {
    v1::DataDigest& digest = digests.emplace_back();
    digest.set_file(std::filesystem::path(path).filename());
    digest.set_sha256(CatalogueDigest(dataset, digest.file()));
    if (!digest.sha256().empty()) continue;
    HEBB_ASSIGN_OR_RETURN(*digest.mutable_sha256(), DigestOfFile(path));
  }
  return digests;
}

}  // namespace hebb::runtime
