// SPDX-License-Identifier: Apache-2.0
// Where the tensors of a safetensors file lie, for those who want few of many.
#ifndef HEBB_COMMON_WEIGHTS_PLACES_H_
#define HEBB_COMMON_WEIGHTS_PLACES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb::weights {

// Where a tensor's floats lie in a file.
struct TensorPlace {
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // byte of the file
  uint64_t end = 0;
};

// A file begins with so many bytes that tell the length of its header.
inline constexpr uint64_t kLengthBytes = 8;

// The file's bytes before the first tensor, told by its first kLengthBytes. DATA_LOSS.
absl::StatusOr<uint64_t> HeaderBytes(absl::string_view bytes, absl::string_view origin);

// All tensors of a file of `file_bytes`, by name, from its HeaderBytes alone. The checksum is not
// looked at. Errors as Parse.
absl::StatusOr<std::map<std::string, TensorPlace>> ReadPlaces(absl::string_view header_bytes,
                                                              uint64_t file_bytes,
                                                              absl::string_view origin);

}  // namespace hebb::weights

#endif  // HEBB_COMMON_WEIGHTS_PLACES_H_
