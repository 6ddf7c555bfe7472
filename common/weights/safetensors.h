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
// SHA-256 over the file with that entry's value set to 64 zeros.
std::string Serialize(const TensorFile& file);

// DATA_LOSS for a truncated or damaged file; a file without a "checksum" entry (made elsewhere) is
// accepted. INVALID_ARGUMENT for other types than F32. `origin` names the file in messages.
absl::StatusOr<TensorFile> Parse(absl::string_view bytes, absl::string_view origin);

// Reads a file through, piece by piece: the metadata, and the errors of Parse. NOT_FOUND.
absl::StatusOr<std::map<std::string, std::string>> CheckFile(const std::string& path);

// The weights digest of design.md 4: SHA-256 over the name and the bytes of each tensor in name
// order. Only weights count: names that begin with "optimizer/" or "state/" are passed over.
std::string WeightsDigest(const std::vector<Tensor>& tensors);

}  // namespace hebb::weights

#endif  // HEBB_COMMON_WEIGHTS_SAFETENSORS_H_
