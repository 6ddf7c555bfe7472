// SPDX-License-Identifier: Apache-2.0
// gzip and xz. zlib and liblzma are used in this file only.
#include <lzma.h>
#include <zlib.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/datasets/sinks.h"
#include "common/status_macros.h"

namespace hebb::datasets {
namespace {

constexpr size_t kChunk = 1 << 18;
constexpr uint64_t kXzMemoryLimit = uint64_t{256} << 20;

class GunzipSink : public ByteSink {
 public:
  explicit GunzipSink(std::unique_ptr<ByteSink> next) : next_(std::move(next)), buffer_(kChunk) {
    HEBB_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);  // 16: a gzip header is required
  }
  ~GunzipSink() override { inflateEnd(&stream_); }

  absl::Status Write(absl::string_view bytes) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in > 0) {
      // Members may follow each other (RFC 1952).
      if (ended_ && inflateReset(&stream_) != Z_OK) return Damaged("reset failed");
      ended_ = false;
      HEBB_RETURN_IF_ERROR(Inflate());
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (!ended_) return Damaged("it ends too early");
    return next_->Finish();
  }

 private:
  absl::Status Inflate() {
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
        return Damaged(stream_.msg == nullptr ? "bad data" : stream_.msg);
      }
      ended_ = result == Z_STREAM_END;
      HEBB_RETURN_IF_ERROR(
          next_->Write(absl::string_view(buffer_.data(), buffer_.size() - stream_.avail_out)));
    } while (stream_.avail_out == 0 && !ended_);
    return absl::OkStatus();
  }

  static absl::Status Damaged(absl::string_view why) {
    return absl::DataLossError(absl::StrCat("not a whole gzip file: ", why));
  }

  std::unique_ptr<ByteSink> next_;
  std::vector<char> buffer_;
  z_stream stream_ = {};
  bool ended_ = false;
};

class UnxzSink : public ByteSink {
 public:
  explicit UnxzSink(std::unique_ptr<ByteSink> next) : next_(std::move(next)), buffer_(kChunk) {
    HEBB_CHECK(lzma_stream_decoder(&stream_, kXzMemoryLimit, LZMA_CONCATENATED) == LZMA_OK);
  }
  ~UnxzSink() override { lzma_end(&stream_); }

  absl::Status Write(absl::string_view bytes) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(bytes.data());
    stream_.avail_in = bytes.size();
    return Code(LZMA_RUN);
  }

  absl::Status Finish() override {
    HEBB_RETURN_IF_ERROR(Code(LZMA_FINISH));
    if (!ended_) return Damaged("it ends too early");
    return next_->Finish();
  }

 private:
  absl::Status Code(lzma_action action) {
    do {
      stream_.next_out = reinterpret_cast<uint8_t*>(buffer_.data());
      stream_.avail_out = buffer_.size();
      const lzma_ret result = lzma_code(&stream_, action);
      if (result == LZMA_BUF_ERROR) return absl::OkStatus();  // needs more input
      if (result != LZMA_OK && result != LZMA_STREAM_END) {
        return Damaged(absl::StrCat("liblzma says ", static_cast<int>(result)));
      }
      ended_ = result == LZMA_STREAM_END;
      HEBB_RETURN_IF_ERROR(
          next_->Write(absl::string_view(buffer_.data(), buffer_.size() - stream_.avail_out)));
    } while (!ended_ && (stream_.avail_in > 0 || stream_.avail_out == 0));
    return absl::OkStatus();
  }

  static absl::Status Damaged(absl::string_view why) {
    return absl::DataLossError(absl::StrCat("not a whole xz file: ", why));
  }

  std::unique_ptr<ByteSink> next_;
  std::vector<char> buffer_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteSink> MakeGunzipSink(std::unique_ptr<ByteSink> next) {
  return std::make_unique<GunzipSink>(std::move(next));
}

std::unique_ptr<ByteSink> MakeUnxzSink(std::unique_ptr<ByteSink> next) {
  return std::make_unique<UnxzSink>(std::move(next));
}

}  // namespace hebb::datasets
