// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/verify.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/datasets/stamp.h"
#include "common/files.h"
#include "common/log.h"
#include "common/sha256.h"
#include "common/spec/shapes.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

int64_t SizeOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? -1 : static_cast<int64_t>(size);
}

struct LabelLayout {
  int64_t first = 0;   // offset of the first label
  int64_t stride = 1;  // bytes between labels
};

LabelLayout LayoutOf(LabelFormat format) {
  switch (format) {
    case LabelFormat::kIdx:
      return {8, 1};
    case LabelFormat::kCifar10:
      return {0, 3073};
    case LabelFormat::kCifar100:
      return {1, 3074};  // the fine one
    case LabelFormat::kNone:
      break;
  }
  return {};
}

absl::Status VerifyLabels(const DataFile& file, const std::string& folder, int classes) {
  if (file.labels == LabelFormat::kNone) return absl::OkStatus();
  const std::string path = folder + "/" + file.name;
  HEBB_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const LabelLayout layout = LayoutOf(file.labels);
  for (int64_t record = 0, at = layout.first; at < static_cast<int64_t>(content.size());
       ++record, at += layout.stride) {
    const int label = static_cast<unsigned char>(content[at]);
    if (label < classes) continue;
    return absl::DataLossError(absl::StrCat(path, ": record ", record, " has label ", label,
                                            " but there are ", classes, " classes"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<const DataSet*> FindDataSetOrError(absl::string_view name) {
  HEBB_RETURN_IF_ERROR(spec::FactsOfDataset(name).status());  // with a suggestion
  const DataSet* set = FindDataSet(name);
  if (set == nullptr) return absl::InternalError(absl::StrCat(name, " is not in the catalog"));
  return set;
}

absl::Status VerifyFile(const DataFile& file, const std::string& folder,
                        const VerifyProgress& progress) {
  const std::string path = folder + "/" + file.name;
  const int64_t bytes = SizeOf(path);
  if (bytes < 0) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  if (bytes != file.bytes) {
    return absl::DataLossError(
        absl::StrCat(path, " has ", bytes, " bytes instead of ", file.bytes));
  }
  HEBB_ASSIGN_OR_RETURN(const std::string sha256, Sha256OfFile(path, [&](int64_t read) {
                          if (progress) progress(file.name, read, bytes);
                        }));
  if (sha256 == file.sha256) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, " has SHA-256 ", sha256, " instead of ", file.sha256));
}

absl::Status VerifyFiles(const DataSet& set, const std::string& folder) {
  for (const DataFile& file : set.files) HEBB_RETURN_IF_ERROR(VerifyFile(file, folder));
  return absl::OkStatus();
}

absl::Status VerifyDataset(absl::string_view name, const std::string& data_dir,
                           const VerifyProgress& progress) {
  HEBB_ASSIGN_OR_RETURN(const DataSet* set, FindDataSetOrError(name));
  const std::string folder = data_dir + "/" + set->folder;
  const auto with_remedy = [&](const absl::Status& status) {
    return absl::Status(status.code(), absl::StrCat(status.message(), "; run: hebb data get ",
                                                    set->name, " --data-dir ", data_dir));
  };
  for (const DataFile& file : set->files) {
    const absl::Status status = VerifyFile(file, folder, progress);
    if (!status.ok()) return with_remedy(status);
  }
  for (const DataFile& file : set->files) {
    const absl::Status status = VerifyLabels(file, folder, set->classes);
    if (!status.ok()) return with_remedy(status);
  }
  if (set->files.empty()) return absl::OkStatus();
  const absl::Status stamped = WriteStamp(*set, folder);
  if (!stamped.ok()) {  // a folder that is only read
    LogWarning("cannot remember a verified data set", {{"cause", stamped.ToString()}});
  }
  return absl::OkStatus();
}

std::vector<DatasetListing> ListDatasets(const std::string& data_dir) {
  std::vector<DatasetListing> listings;
  for (const DataSet& set : Catalog()) {
    DatasetListing listing;
    listing.name = set.name;
    listing.generated = listing.present = listing.verified = set.files.empty();
    listing.classes = set.classes;
    const absl::StatusOr<spec::DatasetFacts> facts = spec::FactsOfDataset(set.name);
    if (facts.ok()) {
      listing.train_records = facts->train_records;
      listing.test_records = facts->test_records;
    }
    if (!set.files.empty()) {
      listing.folder = data_dir + "/" + set.folder;
      listing.present = true;
      for (const DataFile& file : set.files) {
        listing.bytes += file.bytes;
        if (SizeOf(listing.folder + "/" + file.name) != file.bytes) listing.present = false;
      }
      listing.verified = listing.present && StampIsValid(set, listing.folder);
    }
    listings.push_back(std::move(listing));
  }
  return listings;
}

}  // namespace hebb::datasets
