// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "worker/cuda/errors.h"

namespace hebb::cuda {

// Only those who upload pay for it.
absl::Status Staging::Prepare() {
  for (Event& event : read_) {
    if (event != nullptr) continue;
    cudaEvent_t made = nullptr;
    HEBB_CUDA_OR_RETURN(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    event.reset(made);
  }
  void* memory = nullptr;
  HEBB_CUDA_OR_RETURN(
      cudaHostAlloc(&memory, static_cast<size_t>(kBlockBytes) * kBlocks, cudaHostAllocDefault));
  memory_.reset(memory);
  return absl::OkStatus();
}

absl::Status Staging::Upload(const void* from, void* to, int64_t bytes, cudaStream_t stream) {
  if (memory_ == nullptr) HEBB_RETURN_IF_ERROR(Prepare());
  for (int64_t done = 0; done < bytes; done += kBlockBytes) {
    const auto part = static_cast<size_t>(std::min(kBlockBytes, bytes - done));
    char* block = static_cast<char*>(memory_.get()) + next_ * kBlockBytes;
    HEBB_CUDA_OR_RETURN(cudaEventSynchronize(read_[next_].get()));
    std::memcpy(block, static_cast<const char*>(from) + done, part);
    HEBB_CUDA_OR_RETURN(cudaMemcpyAsync(static_cast<char*>(to) + done, block, part,
                                        cudaMemcpyHostToDevice, stream));
    HEBB_CUDA_OR_RETURN(cudaEventRecord(read_[next_].get(), stream));
    next_ = (next_ + 1) % kBlocks;
  }
  return absl::OkStatus();
}

}  // namespace hebb::cuda
