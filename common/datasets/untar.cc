// SPDX-License-Identifier: Apache-2.0
// The part of POSIX ustar that the data sets' archives use: plain files with names below 100 bytes.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/datasets/sinks.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

constexpr int64_t kBlock = 512;

class UntarSink : public ByteSink {
 public:
  explicit UntarSink(std::vector<TarMember> members) : members_(std::move(members)) {}

  absl::Status Write(absl::string_view bytes) override {
    while (!bytes.empty() && !ended_) {
      if (content_left_ + padding_left_ > 0) {
        HEBB_RETURN_IF_ERROR(TakeContent(bytes));
      } else {
        HEBB_RETURN_IF_ERROR(TakeHeader(bytes));
      }
    }
    return absl::OkStatus();  // what follows the end mark has no meaning
  }

  absl::Status Finish() override {
    if (content_left_ > 0) return absl::DataLossError("the archive ends within a file");
    for (const TarMember& member : members_) {
      if (member.sink != nullptr) {
        return absl::DataLossError(absl::StrCat("the archive lacks ", member.name));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status TakeHeader(absl::string_view& bytes) {
    const size_t take = std::min(bytes.size(), static_cast<size_t>(kBlock) - header_.size());
    header_.append(bytes.data(), take);
    bytes.remove_prefix(take);
    if (static_cast<int64_t>(header_.size()) < kBlock) return absl::OkStatus();
    const std::string header = std::exchange(header_, {});
    if (header.find_first_not_of('\0') == std::string::npos) {
      ended_ = true;
      return absl::OkStatus();
    }
    HEBB_RETURN_IF_ERROR(CheckHeader(header));
    content_left_ = Octal(header, 124, 12);
    padding_left_ = (kBlock - content_left_ % kBlock) % kBlock;
    const char type = header[156];
    current_ = type == '0' || type == '\0' ? FindMember(header.c_str()) : nullptr;
    return content_left_ == 0 ? FinishMember() : absl::OkStatus();
  }

  absl::Status TakeContent(absl::string_view& bytes) {
    const auto take = [&bytes](int64_t& left) {
      const size_t size = std::min(bytes.size(), static_cast<size_t>(left));
      const absl::string_view taken = bytes.substr(0, size);
      bytes.remove_prefix(size);
      left -= static_cast<int64_t>(size);
      return taken;
    };
    if (content_left_ > 0) {
      const absl::string_view content = take(content_left_);
      if (current_ != nullptr) HEBB_RETURN_IF_ERROR(current_->sink->Write(content));
      if (content_left_ == 0) HEBB_RETURN_IF_ERROR(FinishMember());
    }
    take(padding_left_);
    return absl::OkStatus();
  }

  absl::Status FinishMember() {
    if (current_ == nullptr) return absl::OkStatus();
    HEBB_RETURN_IF_ERROR(current_->sink->Finish());
    current_->sink.reset();
    current_ = nullptr;
    return absl::OkStatus();
  }

  TarMember* FindMember(absl::string_view path) {
    const size_t slash = path.rfind('/');
    if (slash != absl::string_view::npos) path.remove_prefix(slash + 1);
    for (TarMember& member : members_) {
      if (member.name == path && member.sink != nullptr) return &member;
    }
    return nullptr;
  }

  static int64_t Octal(const std::string& header, size_t offset, size_t size) {
    int64_t value = 0;
    for (size_t i = offset; i < offset + size && value < (int64_t{1} << 50); ++i) {
      if (header[i] >= '0' && header[i] <= '7') value = value * 8 + (header[i] - '0');
    }
    return value;
  }

  // The sum of all bytes with the checksum's own taken as spaces.
  static absl::Status CheckHeader(const std::string& header) {
    int64_t sum = 0;
    for (size_t i = 0; i < header.size(); ++i) {
      sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
    }
    if (header.compare(257, 5, "ustar") == 0 && sum == Octal(header, 148, 8)) {
      return absl::OkStatus();
    }
    return absl::DataLossError("not a whole tar archive: bad header");
  }

  std::vector<TarMember> members_;
  std::string header_;
  TarMember* current_ = nullptr;
  int64_t content_left_ = 0;
  int64_t padding_left_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSink> MakeUntarSink(std::vector<TarMember> members) {
  return std::make_unique<UntarSink>(std::move(members));
}

}  // namespace hebb::datasets
