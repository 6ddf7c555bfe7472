// SPDX-License-Identifier: Apache-2.0
// A fuzzer's bytes, taken apart from the front.
#ifndef HEBB_TESTS_FUZZ_INPUT_H_
#define HEBB_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace hebb::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  // 0 when nothing is left.
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  // Two bytes of length, then so many bytes (or what is left).
  absl::string_view Piece() {
    const size_t low = Byte();
    const size_t high = Byte();
    const size_t length = std::min(low + 256 * high, rest_.size());
    const absl::string_view piece = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return piece;
  }
  absl::string_view Rest() const { return rest_; }

 private:
  absl::string_view rest_;
};

}  // namespace hebb::fuzz

#endif  // HEBB_TESTS_FUZZ_INPUT_H_
