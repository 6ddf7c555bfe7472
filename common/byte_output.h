// SPDX-License-Identifier: Apache-2.0
#ifndef HEBB_COMMON_BYTE_OUTPUT_H_
#define HEBB_COMMON_BYTE_OUTPUT_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace hebb {

// Takes bytes as they are made: one after the other, and then the few that are known only at the
// end over those that held their place. One thread at a time.
class ByteOutput {
 public:
  virtual ~ByteOutput() = default;
  virtual absl::Status Append(absl::string_view bytes) = 0;
  // REQUIRES: [at, at + bytes.size()) was appended.
  virtual absl::Status Overwrite(size_t at, absl::string_view bytes) = 0;
};

// Into memory; never fails.
class StringOutput final : public ByteOutput {
 public:
  absl::Status Append(absl::string_view bytes) override {
    text_.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status Overwrite(size_t at, absl::string_view bytes) override {
    text_.replace(at, bytes.size(), bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  // Room for so many in all, so that they are never moved.
  void Reserve(size_t bytes) { text_.reserve(bytes); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace hebb

#endif  // HEBB_COMMON_BYTE_OUTPUT_H_
