// SPDX-License-Identifier: Apache-2.0
#include "worker/cuda/fetching.h"

#include <cstring>

#include "worker/cuda/errors.h"

namespace hebb::cuda {

absl::Status Fetching::Grow(int64_t bytes) {
  if (there_ == nullptr) {
    cudaEvent_t made = nullptr;
    HEBB_CUDA_OR_RETURN(cudaEventCreateWithFlags(&made, cudaEventDisableTiming));
    there_.reset(made);
  }
  if (bytes <= room_) return absl::OkStatus();
  // A copy that nobody waited for may be writing to the old memory still.
  HEBB_CUDA_OR_RETURN(cudaEventSynchronize(there_.get()));
  void* memory = nullptr;
  HEBB_CUDA_OR_RETURN(cudaHostAlloc(&memory, static_cast<size_t>(bytes), cudaHostAllocDefault));
  memory_.reset(memory);
  room_ = bytes;
  return absl::OkStatus();
}

absl::Status Fetching::Begin(const void* from, int64_t bytes, cudaStream_t stream) {
  HEBB_RETURN_IF_ERROR(Grow(bytes));
  bytes_ = bytes;
  HEBB_CUDA_OR_RETURN(cudaMemcpyAsync(memory_.get(), from, static_cast<size_t>(bytes),
                                      cudaMemcpyDeviceToHost, stream));
  return HEBB_CUDA(cudaEventRecord(there_.get(), stream));
}

absl::Status Fetching::End(void* to) {
  if (bytes_ == 0) return absl::FailedPreconditionError("nothing is being fetched");
  HEBB_CUDA_OR_RETURN(cudaEventSynchronize(there_.get()));
  std::memcpy(to, memory_.get(), static_cast<size_t>(bytes_));
  bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace hebb::cuda
