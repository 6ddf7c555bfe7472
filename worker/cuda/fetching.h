// SPDX-License-Identifier: Apache-2.0
// A copy to the host that leaves the host its time: into pinned memory, with an event behind it.
#ifndef HEBB_WORKER_CUDA_FETCHING_H_
#define HEBB_WORKER_CUDA_FETCHING_H_

#include <cstdint>

#include "absl/status/status.h"
#include "worker/cuda/handles.h"

namespace hebb::cuda {

// One thread at a time, with the device as the thread's.
class Fetching {
 public:
  // Queues the copy on `stream`; one that was not ended is forgotten.
  absl::Status Begin(const void* from, int64_t bytes, cudaStream_t stream);
  // Waits for it, and for no later work.
  absl::Status End(void* to);

 private:
  absl::Status Grow(int64_t bytes);

  PinnedMemory memory_;
  int64_t room_ = 0;   // bytes
  int64_t bytes_ = 0;  // of the copy under way
  Event there_;
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_FETCHING_H_
