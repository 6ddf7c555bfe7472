// SPDX-License-Identifier: Apache-2.0
// gpu::Collective over threads of one process, whose "device" is the heap (host_ops.h), as strict
// as NCCL is: work is done in the order in which it is queued, and only while somebody polls; sends
// and receives of a pair match by order alone; what waits for a rank that is gone waits for ever,
// or fails, as the test chooses.
//
// Wrong use ends the process: pointers on the wrong side, sizes that do not match, another
// collective operation than the others'.
#ifndef HEBB_TESTS_TESTING_GPU_THREAD_COLLECTIVE_H_
#define HEBB_TESTS_TESTING_GPU_THREAD_COLLECTIVE_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "tests/testing/gpu/host_ops.h"
#include "worker/gpu/plugin.h"

namespace hebb::gpu {

// How a rank that was broken off or destroyed looks to those that need it.
enum class PeerDeath { kError, kHang };

class ThreadRing;

// Thread-safe. All of its devices are one.
class ThreadPlugin final : public Plugin {
 public:
  explicit ThreadPlugin(PeerDeath death = PeerDeath::kError) : death_(death) {}

  absl::StatusOr<std::vector<DeviceInfo>> Devices() override;
  absl::StatusOr<std::unique_ptr<Ops>> MakeOps(int device) override;
  absl::StatusOr<std::string> MakeCollectiveId() override;
  absl::StatusOr<std::unique_ptr<Collective>> MakeCollective(int device) override;
  std::string nccl_version() const override { return "none"; }

  // The ranks that were given `id` so far.
  std::shared_ptr<ThreadRing> RingOf(const std::string& id);
  const std::shared_ptr<HostDevice>& device() const { return device_; }
  PeerDeath death() const { return death_; }

  std::atomic<int> broken_rank = -1;  // its device fails from its next Poll on
  std::atomic<int> initialised = 0;   // ranks that have called Init
  std::atomic<int> aborted = 0;       // ranks that were broken off
  std::atomic<int64_t> copied = 0;    // bytes between the host and the device

 private:
  const PeerDeath death_;
  const std::shared_ptr<HostDevice> device_ = std::make_shared<HostDevice>();
  absl::Mutex mutex_;
  int ids_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::shared_ptr<ThreadRing>> rings_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::gpu

#endif  // HEBB_TESTS_TESTING_GPU_THREAD_COLLECTIVE_H_
