// SPDX-License-Identifier: Apache-2.0
// Named float32 tensors in a safetensors file: checkpoints, exports and `init: {from}`.
// Format: docs/checkpoint_format.md. Shared by worker (writes), coordinator (checks) and client
// (exports), none of which know layers here.
#ifndef HEBB_COMMON_WEIGHTS_SAFETENSORS_H_
#define HEBB_COMMON_WEIGHTS_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb::weights {

struct Tensor {
  std::string name;            // "<layer>.weight", "<layer>.feedback", ...
  std::vector<int64_t> shape;  // canonical: conv [out, in, kh, kw], dense [out, in]
  std::vector<float> values;   // row-major
};

struct TensorFile {
  std::vector<Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// The bytes of a safetensors file, tensors in name order, with a "checksum" entry in the metadata:
// SHA-256 over the file with that entry's value set to 64 zeros. Lets go of each tensor once it is
// written, so that there is never a second copy of them all.
std::string Serialize(TensorFile file);

// DATA_LOSS for a truncated or damaged file; a file without a "checksum" entry (made elsewhere) is
// accepted. INVALID_ARGUMENT for other types than F32. `origin` names the file in messages.
absl::StatusOr<TensorFile> Parse(absl::string_view bytes, absl::string_view origin);

// Where a tensor's floats lie in a file.
struct TensorPlace {
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // byte of the file
  uint64_t end = 0;
};

// The file's bytes before the first tensor, told by its first 8. DATA_LOSS.
absl::StatusOr<uint64_t> HeaderBytes(absl::string_view bytes, absl::string_view origin);

// All tensors of a file of `file_bytes`, by name, from its HeaderBytes alone: for those who want
// few of many. The checksum is not looked at. Errors as Parse.
absl::StatusOr<std::map<std::string, TensorPlace>> ReadPlaces(absl::string_view header_bytes,
                                                              uint64_t file_bytes,
                                                              absl::string_view origin);

// The weights digest of design.md 4: SHA-256 over the name and the bytes of each tensor in name
// order. Only weights count: names that begin with "optimizer/" or "state/" are passed over.
std::string WeightsDigest(const std::vector<Tensor>& tensors);

}  // namespace hebb::weights

#endif  // HEBB_COMMON_WEIGHTS_SAFETENSORS_H_
