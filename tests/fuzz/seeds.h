// SPDX-License-Identifier: Apache-2.0
// The first inputs of the fuzzers, made with our own writers: FOLDER/<target>/<name>.
#ifndef HEBB_TESTS_FUZZ_SEEDS_H_
#define HEBB_TESTS_FUZZ_SEEDS_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace hebb::fuzz {

class Seeds {
 public:
  explicit Seeds(std::string folder) : folder_(std::move(folder)) {}
  void Write(const std::string& target, const std::string& name, absl::string_view bytes) const;

 private:
  const std::string folder_;
};

// Two bytes of length, then the bytes: what Input::Piece takes apart. REQUIRES: below 64 KiB.
std::string Piece(absl::string_view bytes);

void WriteRpcSeeds(const Seeds& seeds);

}  // namespace hebb::fuzz

#endif  // HEBB_TESTS_FUZZ_SEEDS_H_
