// SPDX-License-Identifier: Apache-2.0
// Copies to the device that give the host its memory back at once: through pinned memory, a ring of
// blocks, each free again when the device has read it.
#ifndef HEBB_WORKER_CUDA_STAGING_H_
#define HEBB_WORKER_CUDA_STAGING_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "worker/cuda/handles.h"

namespace hebb::cuda {

// One thread at a time, with the device as the thread's.
class Staging {
 public:
  static constexpr int64_t kBlockBytes = int64_t{1} << 20;
  static constexpr int kBlocks = 4;

  // Queues the copy on `stream` and returns when `from` may be changed; waits only where the device
  // is kBlocks blocks behind.
  absl::Status Upload(const void* from, void* to, int64_t bytes, cudaStream_t stream);

 private:
  absl::Status Prepare();

  PinnedMemory memory_;
  std::array<Event, kBlocks> read_;  // by the device, of each block
  int next_ = 0;
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_STAGING_H_
