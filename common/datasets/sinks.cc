// SPDX-License-Identifier: Apache-2.0
#include "common/datasets/sinks.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

absl::Status CompareSums(const std::string& actual, const std::string& expected) {
  if (expected.empty() || actual == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("SHA-256 is ", actual, " instead of ", expected,
                                          ": damaged, or another edition of the file"));
}

class ChecksumSink : public ByteSink {
 public:
  ChecksumSink(std::string sha256, std::unique_ptr<ByteSink> next)
      : expected_(std::move(sha256)), next_(std::move(next)) {}

  absl::Status Write(absl::string_view bytes) override {
    sum_.Update(bytes);
    return next_->Write(bytes);
  }
  absl::Status Finish() override {
    HEBB_RETURN_IF_ERROR(CompareSums(sum_.Finish(), expected_));
    return next_->Finish();
  }

 private:
  const std::string expected_;
  std::unique_ptr<ByteSink> next_;
  Sha256 sum_;
};

class ProgressSink : public ByteSink {
 public:
  ProgressSink(std::function<void(int64_t)> report, std::unique_ptr<ByteSink> next)
      : report_(std::move(report)), next_(std::move(next)) {}

  absl::Status Write(absl::string_view bytes) override {
    constexpr int64_t kEvery = 1 << 20;
    bytes_ += static_cast<int64_t>(bytes.size());
    if (bytes_ - reported_ >= kEvery) Report();
    return next_->Write(bytes);
  }
  absl::Status Finish() override {
    Report();
    return next_->Finish();
  }

 private:
  void Report() {
    reported_ = bytes_;
    report_(bytes_);
  }

  const std::function<void(int64_t)> report_;
  std::unique_ptr<ByteSink> next_;
  int64_t bytes_ = 0;
  int64_t reported_ = 0;
};

class FileSink : public ByteSink {
 public:
  FileSink(std::string path, int64_t bytes, std::string sha256)
      : path_(std::move(path)), expected_bytes_(bytes), expected_sha256_(std::move(sha256)) {}

  absl::Status Write(absl::string_view bytes) override {
    bytes_ += static_cast<int64_t>(bytes.size());
    if (bytes_ > expected_bytes_) {
      return absl::DataLossError(absl::StrCat("longer than its ", expected_bytes_, " bytes"));
    }
    sum_.Update(bytes);
    HEBB_RETURN_IF_ERROR(Open());
    return OfFolder(file_->Append(bytes));
  }

  absl::Status Finish() override {
    if (bytes_ != expected_bytes_) {
      return absl::DataLossError(
          absl::StrCat("ends after ", bytes_, " of ", expected_bytes_, " bytes"));
    }
    HEBB_RETURN_IF_ERROR(CompareSums(sum_.Finish(), expected_sha256_));
    HEBB_RETURN_IF_ERROR(Open());
    return OfFolder(file_->Commit());
  }

 private:
  // Only once there is something to write.
  absl::Status Open() {
    if (file_ != nullptr) return absl::OkStatus();
    absl::StatusOr<std::unique_ptr<AtomicFile>> file = AtomicFile::Create(path_);
    if (!file.ok()) return OfFolder(file.status());
    file_ = *std::move(file);
    return absl::OkStatus();
  }

  // Whatever keeps a file out of a folder but a full disk is the folder's owner's to mend.
  static absl::Status OfFolder(const absl::Status& status) {
    if (status.ok() || absl::IsResourceExhausted(status)) return status;
    return absl::PermissionDeniedError(status.message());
  }

  const std::string path_;
  const int64_t expected_bytes_;
  const std::string expected_sha256_;
  Sha256 sum_;
  std::unique_ptr<AtomicFile> file_;
  int64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<ByteSink> MakeChecksumSink(std::string sha256, std::unique_ptr<ByteSink> next) {
  return std::make_unique<ChecksumSink>(std::move(sha256), std::move(next));
}

std::unique_ptr<ByteSink> MakeProgressSink(std::function<void(int64_t)> report,
                                           std::unique_ptr<ByteSink> next) {
  return std::make_unique<ProgressSink>(std::move(report), std::move(next));
}

std::unique_ptr<ByteSink> MakeFileSink(std::string path, int64_t bytes, std::string sha256) {
  return std::make_unique<FileSink>(std::move(path), bytes, std::move(sha256));
}

}  // namespace hebb::datasets
