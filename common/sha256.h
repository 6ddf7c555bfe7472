// SPDX-License-Identifier: Apache-2.0
// SHA-256 in one call, as a running sum, and of a file. Digests are lower-case hex everywhere.
#ifndef HEBB_COMMON_SHA256_H_
#define HEBB_COMMON_SHA256_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb {

// A running SHA-256. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(const void* data, size_t bytes);
  void Update(absl::string_view text) { Update(text.data(), text.size()); }

  // The digest in hex. REQUIRES: called once, last.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(absl::string_view data);

// NOT_FOUND if the file cannot be opened. `progress`: called after each piece with the bytes so
// far.
absl::StatusOr<std::string> Sha256OfFile(
    const std::string& path, const std::function<void(int64_t bytes)>& progress = nullptr);

}  // namespace hebb

#endif  // HEBB_COMMON_SHA256_H_
