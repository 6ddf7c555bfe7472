// SPDX-License-Identifier: Apache-2.0
// gpu::Collective with NCCL, on a stream of its own and never blocking.
//
// NCCL's calls on a communicator that does not block may return before their work is in the stream,
// and then nothing else may be queued behind it. So what is asked for is kept here as steps, and
// each Poll gives NCCL as many of them as it takes.
#ifndef HEBB_WORKER_CUDA_NCCL_COLLECTIVE_H_
#define HEBB_WORKER_CUDA_NCCL_COLLECTIVE_H_

#include <nccl.h>

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "worker/cuda/handles.h"
#include "worker/gpu/collective.h"

namespace hebb::cuda {

// The name under which ranks meet: printable. The process that makes it must live until they have.
absl::StatusOr<std::string> MakeNcclId();

class NcclCollective : public gpu::Collective {
 public:
  static absl::StatusOr<std::unique_ptr<NcclCollective>> Create(int device);
  // Gives peers a moment to receive the last of what was sent to them.
  ~NcclCollective() override;

  absl::Status Init(const std::string& id, int rank, int size) override;
  // UNAVAILABLE with NCCL's text: a peer, or the network to it, is lost.
  absl::Status Poll() override;

  absl::Status Begin() override;
  absl::Status Send(const void* data, int64_t bytes, int to) override;
  absl::Status Receive(void* data, int64_t bytes, int from) override;
  absl::Status AllReduce(float* data, int64_t floats) override;
  absl::Status Broadcast(void* data, int64_t bytes, int root) override;
  absl::Status End() override;

  void Abort() override;

  absl::Status CopyIn(const void* host, void* device, int64_t bytes) override;
  absl::Status CopyOut(const void* device, void* host, int64_t bytes) override;
  bool IsDeviceMemory(const void* pointer) const override;
  absl::StatusOr<void*> AllocateDevice(int64_t bytes) override;
  void FreeDevice(void* memory) override;

 private:
  enum class Kind { kSend, kReceive, kAllReduce, kBroadcast, kCopyIn, kCopyOut };
  struct Operation {
    Kind kind;
    const void* from = nullptr;
    void* to = nullptr;
    size_t count = 0;  // bytes; of kAllReduce floats
    int peer = 0;
  };
  using Step = std::vector<Operation>;  // a group, or one copy

  explicit NcclCollective(int device) : device_(device) {}

  absl::Status Start();
  absl::Status Add(const Operation& operation);
  absl::Status Queue(Step step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Gives NCCL what it takes and tells how it stands; its error sticks.
  absl::Status Drive() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckRunning() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Issue(const Step& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status IssueGroup(const Step& step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Copy(const Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  ncclResult_t Give(const Operation& operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AbortComm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishComm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int device_;
  // Constant after Start.
  Stream stream_;
  Event done_;

  // The calling thread's only.
  bool grouping_ = false;
  Step group_;
  std::set<void*> of_nccl_;  // memory that NCCL allocated

  // Held for calls that return at once, so that Abort comes through at any time.
  absl::Mutex mutex_;
  ncclComm_t comm_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::deque<Step> steps_ ABSL_GUARDED_BY(mutex_);  // not yet given to NCCL
  bool given_ ABSL_GUARDED_BY(mutex_) = false;      // since the event was last recorded
  bool running_ ABSL_GUARDED_BY(mutex_) = false;    // the event has not been seen to pass
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_NCCL_COLLECTIVE_H_
