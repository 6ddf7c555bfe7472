// SPDX-License-Identifier: Apache-2.0
// The rows of a step: of all of the rank's slices, one slice after the other.
#ifndef HEBB_WORKER_GPU_ROWS_H_
#define HEBB_WORKER_GPU_ROWS_H_

#include <cstdint>
#include <vector>

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu {

// A value; what it points to is the engine's, on the device.
struct Rows {
  std::vector<int64_t> offsets;  // where each slice's rows begin, and the end
  int64_t most = 0;              // rows of the largest slice
  bool training = false;

  const uint32_t* device_offsets = nullptr;
  const uint32_t* slice_of_row = nullptr;
  const uint32_t* ids = nullptr;
  const kernels::StepValues* step = nullptr;

  int slices() const { return static_cast<int>(offsets.size()) - 1; }
  int64_t count() const { return offsets.back(); }
  int64_t of_slice(int slice) const { return offsets[slice + 1] - offsets[slice]; }
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_ROWS_H_
