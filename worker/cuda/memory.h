// SPDX-License-Identifier: Apache-2.0
// Device memory, plain and never managed: what does not fit is said, not swapped.
#ifndef HEBB_WORKER_CUDA_MEMORY_H_
#define HEBB_WORKER_CUDA_MEMORY_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/cuda/handles.h"
#include "worker/gpu/ops.h"

namespace hebb::cuda {

// Both with that device as the thread's.

absl::StatusOr<gpu::MemoryInfo> ReadMemory();

// Not cleared. RESOURCE_EXHAUSTED: what was asked for and what is free.
absl::StatusOr<DeviceMemory> AllocateOn(int device, size_t bytes);

// The text of that error.
std::string ExhaustedText(int64_t bytes, const gpu::MemoryInfo& memory, const std::string& device);

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_MEMORY_H_
