// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/fetch.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/datasets/catalog.h"
#include "common/datasets/download.h"
#include "common/datasets/folder_lock.h"
#include "common/datasets/sinks.h"
#include "common/datasets/stamp.h"
#include "common/datasets/verify.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

using SinkPtr = std::unique_ptr<ByteSink>;

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

SinkPtr UnpackerFor(absl::string_view packed, SinkPtr next) {
  if (absl::EndsWith(packed, ".gz")) return MakeGunzipSink(std::move(next));
  if (absl::EndsWith(packed, ".xz")) return MakeUnxzSink(std::move(next));
  return next;
}

class Fetcher {
 public:
  Fetcher(const DataSet& set, const FetchOptions& options, std::string folder)
      : set_(set), options_(options), folder_(std::move(folder)) {}

  // REQUIRES: the folder's lock is held.
  absl::Status Run() {
    std::vector<const DataFile*> missing;
    for (const DataFile& file : set_.files) {
      const absl::Status status = VerifyFile(file, folder_);
      if (status.ok()) continue;
      if (absl::IsDataLoss(status)) failures_.emplace_back(status.message());
      missing.push_back(&file);
    }
    HEBB_RETURN_IF_ERROR(TakeFromSource(missing));
    HEBB_RETURN_IF_ERROR(TakeFromAddresses(missing));
    if (missing.empty()) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(
        "data set ", set_.name, " cannot be had: ", absl::StrJoin(failures_, "; "), "; put ",
        missing.front()->name, missing.size() > 1 ? " and the other files" : "", " into ", folder_,
        ", or set HEBB_DATA_SOURCE to a folder that has ", set_.folder,
        "/, or use the generated set glyphs"));
  }

 private:
  // A sink for `file` as stored under the name `packed`.
  SinkPtr SinkFor(const DataFile& file, const std::string& packed, const std::string& shown) {
    SinkPtr sink = MakeFileSink(folder_ + "/" + file.name, file.bytes, file.sha256);
    sink = UnpackerFor(packed, WithProgress(shown, file.bytes, std::move(sink)));
    if (packed == file.packed) sink = MakeChecksumSink(file.packed_sha256, std::move(sink));
    return sink;
  }

  SinkPtr ArchiveSink(const std::vector<const DataFile*>& missing, const std::string& shown) {
    std::vector<TarMember> members;
    for (const DataFile* file : missing) {
      members.push_back(
          {file->name, MakeFileSink(folder_ + "/" + file->name, file->bytes, file->sha256)});
    }
    int64_t total = 0;  // but for the archive's own headers
    for (const DataFile& file : set_.files) total += file.bytes;
    SinkPtr sink = WithProgress(shown, total, MakeUntarSink(std::move(members)));
    return MakeChecksumSink(set_.archive_sha256, MakeGunzipSink(std::move(sink)));
  }

  SinkPtr WithProgress(const std::string& shown, int64_t total, SinkPtr sink) {
    if (!options_.progress) return sink;
    const auto report = [this, shown, total](int64_t bytes) {
      options_.progress(shown, std::min(bytes, total), total);
    };
    return MakeProgressSink(report, std::move(sink));
  }

  // Only a local trouble (full disk, no permission) is returned; a source's is noted.
  absl::Status Note(const std::string& where, const absl::Status& status) {
    if (absl::IsResourceExhausted(status) || absl::IsPermissionDenied(status)) return status;
    if (!status.ok()) failures_.push_back(absl::StrCat(where, ": ", status.message()));
    return absl::OkStatus();
  }

  absl::Status TakeFromSource(std::vector<const DataFile*>& missing) {
    if (missing.empty()) return absl::OkStatus();
    if (options_.source.empty()) {
      failures_.push_back("HEBB_DATA_SOURCE is not set");
      return absl::OkStatus();
    }
    const std::string source = options_.source + "/" + set_.folder;
    const std::string archive = source + "/" + set_.archive;
    if (!set_.archive.empty() && Exists(archive)) {
      return TakeArchive(missing, archive, [&](ByteSink& s) { return SendFile(archive, s); });
    }
    std::vector<const DataFile*> left;
    for (const DataFile* file : missing) {
      HEBB_ASSIGN_OR_RETURN(const bool came, TakeStored(*file, source));
      if (!came) left.push_back(file);
    }
    missing = std::move(left);
    return absl::OkStatus();
  }

  // From the first of the file's forms that the source folder has.
  absl::StatusOr<bool> TakeStored(const DataFile& file, const std::string& source) {
    for (const std::string& form : {file.packed, file.name, file.name + ".gz", file.name + ".xz"}) {
      const std::string path = source + "/" + form;
      if (form.empty() || !Exists(path) || SameAsTarget(path, file)) continue;
      const SinkPtr sink = SinkFor(file, form, path);
      const absl::Status status = SendFile(path, *sink);
      HEBB_RETURN_IF_ERROR(Note(path, status));
      return status.ok();
    }
    failures_.push_back(absl::StrCat("HEBB_DATA_SOURCE: no ", source, "/", file.packed));
    return false;
  }

  // The data folder may be the source folder itself.
  bool SameAsTarget(const std::string& path, const DataFile& file) const {
    std::error_code ignored;
    return std::filesystem::equivalent(path, folder_ + "/" + file.name, ignored);
  }

  absl::Status TakeFromAddresses(std::vector<const DataFile*>& missing) {
    std::vector<std::string> addresses = set_.addresses;
    if (!options_.address.empty()) {
      addresses = {absl::StrCat(options_.address, absl::EndsWith(options_.address, "/") ? "" : "/",
                                set_.folder, "/")};
    }
    for (const std::string& address : addresses) {
      if (missing.empty()) break;
      if (!set_.archive.empty()) {
        const std::string archive = address + set_.archive;
        HEBB_RETURN_IF_ERROR(
            TakeArchive(missing, archive, [&](ByteSink& s) { return Download(archive, s); }));
        continue;
      }
      HEBB_RETURN_IF_ERROR(TakeFiles(missing, address));
    }
    return absl::OkStatus();
  }

  absl::Status TakeFiles(std::vector<const DataFile*>& missing, const std::string& address) {
    while (!missing.empty()) {
      const DataFile& file = *missing.front();
      const std::string from = address + file.packed;
      const SinkPtr sink = SinkFor(file, file.packed, from);
      const absl::Status status = Download(from, *sink);
      HEBB_RETURN_IF_ERROR(Note(from, status));
      if (!status.ok()) return absl::OkStatus();  // the next address
      missing.erase(missing.begin());
    }
    return absl::OkStatus();
  }

  template <typename Send>
  absl::Status TakeArchive(std::vector<const DataFile*>& missing, const std::string& from,
                           Send send) {
    const SinkPtr sink = ArchiveSink(missing, from);
    const absl::Status status = send(*sink);
    if (status.ok()) missing.clear();
    return Note(from, status);
  }

  const DataSet& set_;
  const FetchOptions& options_;
  const std::string folder_;
  std::vector<std::string> failures_;
};

}  // namespace

FetchOptions OptionsFromEnvironment(std::string data_dir) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  FetchOptions options;
  options.data_dir = std::move(data_dir);
  options.source = variable("HEBB_DATA_SOURCE");
  options.address = variable("HEBB_DATA_URL");
  return options;
}

absl::Status FetchDataset(absl::string_view name, const FetchOptions& options) {
  HEBB_ASSIGN_OR_RETURN(const DataSet* set, FindDataSetOrError(name));
  return FetchDataset(*set, options);
}

absl::Status FetchDataset(const DataSet& set, const FetchOptions& options) {
  if (set.files.empty()) return absl::OkStatus();
  const std::string folder = options.data_dir + "/" + set.folder;
  if (StampIsValid(set, folder)) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(MakeFolder(folder));
  absl::StatusOr<std::unique_ptr<FolderLock>> lock = FolderLock::Acquire(folder, options.lock_wait);
  if (!lock.ok()) {  // a folder that is only read is good if its files are
    return VerifyFiles(set, folder).ok() ? absl::OkStatus() : lock.status();
  }
  if (StampIsValid(set, folder)) return absl::OkStatus();  // another process was first
  HEBB_RETURN_IF_ERROR(Fetcher(set, options, folder).Run());
  const absl::Status stamped = WriteStamp(set, folder);
  if (!stamped.ok()) {
    LogWarning("cannot remember a verified data set", {{"cause", stamped.ToString()}});
  }
  return absl::OkStatus();
}

}  // namespace hebb::datasets
