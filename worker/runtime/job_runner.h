// SPDX-License-Identifier: Apache-2.0
// The worker's side of docs/gang_protocol.md: takes the coordinator's words to the assignment in
// hand, and owns the training thread, which works on one assignment at a time and looks at the GPU
// meanwhile and between.
#ifndef HEBB_WORKER_RUNTIME_JOB_RUNNER_H_
#define HEBB_WORKER_RUNTIME_JOB_RUNNER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"
#include "common/times.h"
#include "worker/runtime/assignment.h"
#include "worker/runtime/attempt.h"
#include "worker/runtime/gpu_device.h"
#include "worker/runtime/outbox.h"
#include "worker/runtime/session.h"

namespace hebb::runtime {

// Thread-safe.
class JobRunner : public SessionHandler {
 public:
  // Everything is borrowed. Starts the training thread.
  JobRunner(AttemptContext context, Outbox& outbox);
  ~JobRunner() override;  // Release of whatever is held; joins

  // Asks the coordinator to be let go at a step boundary, with a checkpoint if nobody else has the
  // state, and waits for that, but no longer than `within`. Without contact to the coordinator a
  // rank 0 still lets its gang part at a step boundary.
  void Drain(absl::string_view reason, absl::Duration within);

  // Drops what is held. True if the training thread is idle by the deadline, of SteadyNow().
  bool Drop(absl::Time deadline);

  void Attach(const Open& open) override;
  void Received(const v1::ToWorker& message) override;
  void Welcomed(absl::Duration detect_within) override;
  void AttachedChanged(bool attached) override;
  int64_t CurrentStep() const override;
  int64_t FreeDeviceMemory() const override;

 private:
  void TrainForever();
  // The next assignment to work on; null: the end.
  std::shared_ptr<Assignment> AwaitWork();
  // What is free on the GPU; nothing without one, or where that fails, which ends the worker.
  std::optional<gpu::MemoryInfo> LookAtDevice();
  // The assignment is over and its engine gone: sees to it that the GPU's memory is free again.
  void GiveBack(const Assignment& assignment, const std::optional<gpu::MemoryInfo>& before);
  int64_t AwaitMemory(const gpu::MemoryInfo& before);
  void Released(const v1::Release& release);
  Times CoordinatorTimes() const;
  void Take(const v1::Assign& assign);
  // The assignment in hand, if it is the one meant.
  std::shared_ptr<Assignment> Find(absl::string_view job, int attempt) const;
  bool WorkOrEnd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return fresh_ || ending_; }
  v1::FromWorker DrainNoticeLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const AttemptContext context_;
  Outbox& outbox_;
  mutable absl::Mutex mutex_;
  SteadyCondVar idler_;   // training_ or attached_ has become false
  SteadyCondVar busier_;  // fresh_ or ending_ has become true
  // Shared with the training thread, which may still be leaving a released one when the next comes.
  std::shared_ptr<Assignment> current_ ABSL_GUARDED_BY(mutex_);
  bool fresh_ ABSL_GUARDED_BY(mutex_) = false;                   // current_ was not taken up yet
  bool training_ ABSL_GUARDED_BY(mutex_) = false;                // the thread is busy
  std::shared_ptr<Assignment> in_work_ ABSL_GUARDED_BY(mutex_);  // the thread's, until given back
  std::optional<v1::Freed> freed_ ABSL_GUARDED_BY(mutex_);       // of the last one given back
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool attached_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration detect_within_ ABSL_GUARDED_BY(mutex_) = kDetectWithinDefault;
  std::optional<v1::DrainNotice> drain_ ABSL_GUARDED_BY(mutex_);  // told again on each new stream
  std::thread thread_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_JOB_RUNNER_H_
