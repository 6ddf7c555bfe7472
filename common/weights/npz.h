// SPDX-License-Identifier: Apache-2.0
// Tensors as a NumPy .npz archive (`hebb export --format npz`): a zip file of stored, not
// compressed, .npy entries, which numpy.load reads.
#ifndef HEBB_COMMON_WEIGHTS_NPZ_H_
#define HEBB_COMMON_WEIGHTS_NPZ_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/weights/safetensors.h"

namespace hebb::weights {

// The bytes of the archive: one "<name>.npy" per tensor, in the given order, float32 row-major.
// Equal tensors give equal bytes: the entries carry no time. INVALID_ARGUMENT above the 4 GiB or
// 65535 entries of a plain zip file.
absl::StatusOr<std::string> SerializeNpz(const std::vector<Tensor>& tensors);

}  // namespace hebb::weights

#endif  // HEBB_COMMON_WEIGHTS_NPZ_H_
