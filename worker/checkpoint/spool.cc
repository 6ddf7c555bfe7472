// SPDX-License-Identifier: Apache-2.0
#include "worker/checkpoint/spool.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "worker/checkpoint/checkpoint.h"

namespace hebb::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kPrefix = "step-";
constexpr absl::string_view kSuffix = ".safetensors";

std::optional<int64_t> StepOfName(absl::string_view name) {
  int64_t step = 0;
  if (!absl::ConsumePrefix(&name, kPrefix) || !absl::ConsumeSuffix(&name, kSuffix) ||
      !absl::SimpleAtoi(name, &step) || step < 0) {
    return std::nullopt;
  }
  return step;
}

absl::Status FolderError(const std::string& folder, const std::error_code& error) {
  return absl::InternalError(absl::StrCat(folder, ": cannot read the spool: ", error.message()));
}

// The names in a folder; the loop form of the iterator that does not throw.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  if (error) return FolderError(folder, error);
  return names;
}

absl::Status RemoveFile(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(path, ": cannot remove: ", error.message()));
}

}  // namespace

Spool::Spool(std::string folder, int64_t keep) : folder_(std::move(folder)), keep_(keep) {}

absl::StatusOr<Spool> Spool::Open(std::string folder, int64_t keep) {
  HEBB_CHECK(keep >= 1);
  HEBB_RETURN_IF_ERROR(MakeFolder(folder));
  HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
  for (const std::string& name : names) {
    if (absl::EndsWith(name, ".tmp")) HEBB_RETURN_IF_ERROR(RemoveFile(folder + "/" + name));
  }
  return Spool(std::move(folder), keep);
}

absl::Status Spool::Put(const Writer& checkpoint) const {
  const std::string path =
      absl::StrFormat("%s/%s%012d%s", folder_, kPrefix, checkpoint.step(), kSuffix);
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  HEBB_RETURN_IF_ERROR(checkpoint.Write(*file));
  HEBB_RETURN_IF_ERROR(file->Commit());
  HEBB_ASSIGN_OR_RETURN(const std::vector<Item> items, List());
  for (size_t i = 0; i + keep_ < items.size(); ++i) HEBB_RETURN_IF_ERROR(Remove(items[i]));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Spool::Item>> Spool::List() const {
  HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder_));
  std::vector<Item> items;
  for (const std::string& name : names) {
    const std::optional<int64_t> step = StepOfName(name);
    if (step.has_value()) items.push_back({*step, folder_ + "/" + name});
  }
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.step < b.step; });
  return items;
}

absl::StatusOr<std::optional<Spool::Delivery>> Spool::Oldest(
    std::vector<absl::Status>& refused) const {
  HEBB_ASSIGN_OR_RETURN(const std::vector<Item> items, List());
  for (const Item& item : items) {
    absl::StatusOr<std::string> digest = CheckFile(item.path);
    if (absl::IsNotFound(digest.status())) continue;
    if (digest.ok()) return Delivery{item, *std::move(digest)};
    refused.push_back(digest.status());
    std::error_code error;
    fs::rename(item.path, item.path + ".damaged", error);
    if (error) return FolderError(folder_, error);
  }
  return std::nullopt;
}

absl::Status Spool::Remove(const Item& item) const { return RemoveFile(item.path); }

}  // namespace hebb::checkpoint
