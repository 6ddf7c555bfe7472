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
// Begin, the operations, End and the copies only queue work, which is done in their order; Poll
// tells how it stands and carries it on. Pointers are to device memory, but for the host's side of
// a copy; all must stay until Poll says OK, or until Abort has returned. No call waits for a peer.
//
// Sends and receives of a pair of ranks match in the order in which they are queued. What waits for
// a rank that is gone may wait for ever.
class Collective {
 public:
  // Without an error: lets what was sent reach the others, for about two seconds at most. Then as
  // Abort.
  virtual ~Collective() = default;

  // Starts to form the communicator of all ranks that were given the same id; Poll tells when it
  // is there.
  virtual absl::Status Init(const std::string& id, int rank, int size) = 0;

  // OK: all that was queued is done. UNAVAILABLE with "in progress" as its message (InProgress):
  // not yet. Else an error, which sticks: UNAVAILABLE of a peer or of the way to it, INTERNAL of
  // this rank's device or library.
  virtual absl::Status Poll() = 0;

  virtual absl::Status Begin() = 0;  // of a group: what is queued until End goes together
  virtual absl::Status Send(const void* data, int64_t bytes, int to) = 0;
  virtual absl::Status Receive(void* data, int64_t bytes, int from) = 0;
  virtual absl::Status AllReduce(float* data, int64_t floats) = 0;
  virtual absl::Status Broadcast(void* data, int64_t bytes, int root) = 0;
  virtual absl::Status End() = 0;

  // Breaks off whatever is under way on this rank; every later call fails, but for FreeDevice.
  // Idempotent.
  virtual void Abort() = 0;

  // Copies between the host and device memory, after what was queued before.
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
