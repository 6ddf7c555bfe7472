// SPDX-License-Identifier: Apache-2.0
// What the NCCL communicator asks of NCCL: one communicator of one rank, its calls without waits.
// The plugin does it with NCCL, the tests with threads.
#ifndef HEBB_WORKER_GPU_COLLECTIVE_H_
#define HEBB_WORKER_GPU_COLLECTIVE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hebb::gpu {

// Thread-safety: one thread at a time, but Abort may come from any thread at any time.
//
// Begin, the operations and End only queue work on the device; Poll tells how it stands. Pointers
// are to device memory.
class Collective {
 public:
  virtual ~Collective() = default;

  // Starts to form the communicator of all ranks that were given the same id; Poll tells when it
  // is there.
  virtual absl::Status Init(const std::string& id, int rank, int size) = 0;

  // OK: all that was queued is done. UNAVAILABLE with "in progress" as its message (InProgress):
  // not yet. Else: an error of the device or of a peer, which sticks.
  virtual absl::Status Poll() = 0;

  virtual absl::Status Begin() = 0;  // of a group: what is queued until End goes together
  virtual absl::Status Send(const void* data, int64_t bytes, int to) = 0;
  virtual absl::Status Receive(void* data, int64_t bytes, int from) = 0;
  virtual absl::Status AllReduce(float* data, int64_t floats) = 0;
  virtual absl::Status Broadcast(void* data, int64_t bytes, int root) = 0;
  virtual absl::Status End() = 0;

  // Breaks off whatever is under way on this rank; every later call fails. Idempotent.
  virtual void Abort() = 0;

  // Copies between the host and device memory on the collective's own queue, after what was queued
  // before. Poll tells when it is done.
  virtual absl::Status CopyIn(const void* host, void* device, int64_t bytes) = 0;
  virtual absl::Status CopyOut(const void* device, void* host, int64_t bytes) = 0;
  virtual bool IsDeviceMemory(const void* pointer) const = 0;
  virtual absl::StatusOr<void*> AllocateDevice(int64_t bytes) = 0;
  virtual void FreeDevice(void* memory) = 0;
};

// What Poll returns while work is under way.
inline absl::Status InProgress() { return absl::UnavailableError("in progress"); }
inline bool IsInProgress(const absl::Status& status) {
  return absl::IsUnavailable(status) && status.message() == "in progress";
}

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_COLLECTIVE_H_
