// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/memory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "worker/cuda/device.h"
#include "worker/cuda/errors.h"

namespace hebb::cuda {

absl::StatusOr<gpu::MemoryInfo> ReadMemory() {
  size_t free = 0;
  size_t total = 0;
  HEBB_CUDA_OR_RETURN(cudaMemGetInfo(&free, &total));
  return gpu::MemoryInfo{static_cast<int64_t>(free), static_cast<int64_t>(total)};
}

absl::StatusOr<DeviceMemory> AllocateOn(int device, size_t bytes) {
  void* memory = nullptr;
  const cudaError_t code = cudaMalloc(&memory, std::max(bytes, size_t{1}));
  if (code != cudaErrorMemoryAllocation) {
    HEBB_RETURN_IF_ERROR(StatusOf(code, "cudaMalloc", __FILE_NAME__, __LINE__));
    return DeviceMemory(memory);
  }
  cudaGetLastError();
  const absl::StatusOr<gpu::MemoryInfo> left = ReadMemory();
  const absl::StatusOr<DeviceFacts> facts = ReadDevice(device);
  return absl::ResourceExhaustedError(
      ExhaustedText(static_cast<int64_t>(bytes), left.ok() ? *left : gpu::MemoryInfo{},
                    absl::StrCat("GPU ", device, facts.ok() ? ", " + facts->info.name : "")));
}

std::string ExhaustedText(int64_t bytes, const gpu::MemoryInfo& memory, const std::string& device) {
  constexpr int64_t kMiB = int64_t{1} << 20;
  return absl::StrCat((bytes + kMiB - 1) / kMiB, " MiB asked for, ", memory.free / kMiB,
                      " MiB free of ", memory.total / kMiB, " MiB on ", device,
                      "; use a smaller batch_size, more GPUs, or end what else runs on it");
}

}  // namespace hebb::cuda
