// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/job_runner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/byte_size.h"
#include "common/log.h"
#include "common/steady_clock.h"

namespace hebb::runtime {
namespace {

// A step of a gang that must part without the coordinator.
constexpr absl::Duration kPartWithin = absl::Seconds(2);
// Others may take a GPU's memory, too: an idle worker tells how much is left.
constexpr absl::Duration kLookEvery = absl::Seconds(5);
constexpr absl::Duration kMemoryLookEvery = absl::Milliseconds(20);

}  // namespace

JobRunner::JobRunner(AttemptContext context, Outbox& outbox)
    : context_(std::move(context)), outbox_(outbox), thread_([this] { TrainForever(); }) {}

JobRunner::~JobRunner() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
    busier_.SignalAll();
    if (current_) current_->Release("the worker ends");
  }
  thread_.join();
}

v1::FromWorker JobRunner::DrainNoticeLocked() const {
  v1::FromWorker message;
  *message.mutable_drain() = *drain_;
  return message;
}

void JobRunner::Drain(absl::string_view reason, absl::Duration within) {
  const absl::Time deadline = SteadyNow() + within;
  std::shared_ptr<Assignment> assignment;
  {
    absl::MutexLock lock(&mutex_);
    if (!fresh_ && !training_) return;
    drain_.emplace();
    drain_->set_reason(std::string(reason));
    drain_->set_within_ms(absl::ToInt64Milliseconds(within));
    outbox_.Send(DrainNoticeLocked());
    const auto idle_or_alone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return !attached_ || (!training_ && !fresh_);
    };
    idler_.Await(mutex_, idle_or_alone, deadline);
    if (training_) assignment = current_;
  }
  const absl::Time alone = std::min(deadline, SteadyNow() + kPartWithin);
  if (assignment != nullptr) assignment->LeaveUntil(alone);
}

bool JobRunner::Drop(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  ending_ = true;
  busier_.SignalAll();
  if (current_) current_->Release("the worker ends");
  const auto idle = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !training_; };
  return idler_.Await(mutex_, idle, deadline);
}

// ---- session's threads -------------------------------------------------------------------------

void JobRunner::Attach(const Open& open) {
  absl::MutexLock lock(&mutex_);
  const auto open_draining = [&](std::optional<v1::HeldAttempt> held,
                                 std::vector<v1::FromWorker> again) {
    mutex_.AssertHeld();
    if (drain_) again.push_back(DrainNoticeLocked());
    if (freed_) *again.emplace_back().mutable_freed() = *freed_;
    open(std::move(held), std::move(again));
  };
  if (current_) {
    current_->Attach(open_draining);
  } else {
    open_draining(std::nullopt, {});
  }
}

void JobRunner::Received(const v1::ToWorker& message) {
  if (message.has_assign()) return Take(message.assign());
  if (message.has_release()) return Released(message.release());
  const auto find = [this](const v1::GenerationId& id) { return Find(id.job(), id.attempt()); };
  if (message.has_form_gang()) {
    const auto assignment = find(message.form_gang().generation());
    if (assignment) assignment->FormGang(message.form_gang());
  } else if (message.has_leave_gang()) {
    const auto assignment = find(message.leave_gang().generation());
    if (assignment) assignment->LeaveGang(message.leave_gang());
  } else if (message.has_stop()) {
    const auto assignment = find(message.stop().generation());
    if (assignment) assignment->Stop(message.stop());
  } else if (message.has_result_accepted()) {
    const auto assignment = find(message.result_accepted().generation());
    if (assignment) assignment->ResultAccepted(message.result_accepted());
  }
}

void JobRunner::Welcomed(absl::Duration detect_within) {
  absl::MutexLock lock(&mutex_);
  detect_within_ = detect_within;
}

Times JobRunner::CoordinatorTimes() const {
  absl::MutexLock lock(&mutex_);
  return Times(detect_within_);
}

void JobRunner::AttachedChanged(bool attached) {
  context_.metrics.SetAttached(attached);
  {
    absl::MutexLock lock(&mutex_);
    attached_ = attached;
    idler_.SignalAll();
  }
  if (attached) LogInfo("attached to the coordinator", {{"address", context_.channel.address()}});
}

// Who waits for a GPU's memory is answered at once where there is none of the attempt's; else by
// GiveBack.
void JobRunner::Released(const v1::Release& release) {
  const auto is_meant = [&](const std::shared_ptr<Assignment>& assignment) {
    return assignment != nullptr && assignment->Is(release.job(), release.attempt());
  };
  absl::MutexLock lock(&mutex_);
  if (is_meant(current_)) current_->Release("released by the coordinator");
  const bool in_hand = is_meant(in_work_) || (fresh_ && is_meant(current_));
  if (context_.gpu == nullptr || in_hand) return;
  v1::FromWorker message;
  v1::Freed& freed = *message.mutable_freed();
  freed.set_job(release.job());
  freed.set_attempt(release.attempt());
  if (freed_ && freed_->job() == freed.job() && freed_->attempt() == freed.attempt()) {
    freed = *freed_;
  }
  outbox_.Send(std::move(message));
}

int64_t JobRunner::FreeDeviceMemory() const {
  return context_.gpu == nullptr ? 0 : context_.gpu->seen().free;
}

int64_t JobRunner::CurrentStep() const {
  absl::MutexLock lock(&mutex_);
  return current_ ? current_->step() : 0;
}

void JobRunner::Take(const v1::Assign& assign) {
  absl::MutexLock lock(&mutex_);
  if (ending_) return;
  if (current_ && !current_->over()) {
    if (current_->Is(assign.job(), assign.attempt())) return current_->AssignedAgain();
    current_->Release("another job was assigned");
  }
  current_ = std::make_shared<Assignment>(assign, outbox_);
  fresh_ = true;
  busier_.SignalAll();
}

std::shared_ptr<Assignment> JobRunner::Find(absl::string_view job, int attempt) const {
  absl::MutexLock lock(&mutex_);
  return current_ && current_->Is(job, attempt) ? current_ : nullptr;
}

// ---- training thread ---------------------------------------------------------------------------

void JobRunner::TrainForever() {
  while (const std::shared_ptr<Assignment> assignment = AwaitWork()) {
    const std::optional<gpu::MemoryInfo> before = LookAtDevice();
    Attempt(context_, *assignment, [this] { return CoordinatorTimes(); }).Run();
    context_.metrics.EndJob();
    GiveBack(*assignment, before);
  }
}

std::shared_ptr<Assignment> JobRunner::AwaitWork() {
  while (true) {
    LookAtDevice();
    absl::MutexLock lock(&mutex_);
    training_ = false;
    idler_.SignalAll();
    const auto work_or_end = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return WorkOrEnd(); };
    const absl::Time look_again =
        context_.gpu == nullptr ? absl::InfiniteFuture() : SteadyNow() + kLookEvery;
    if (!busier_.Await(mutex_, work_or_end, look_again)) continue;
    if (ending_) return nullptr;
    in_work_ = current_;
    fresh_ = false;
    training_ = true;
    return current_;
  }
}

std::optional<gpu::MemoryInfo> JobRunner::LookAtDevice() {
  if (context_.gpu == nullptr) return std::nullopt;
  const absl::StatusOr<gpu::MemoryInfo> memory = context_.gpu->Look();
  if (!memory.ok()) {
    context_.device_lost(absl::StrCat("its GPU fails: ", memory.status().message()));
    return std::nullopt;
  }
  context_.metrics.SetDeviceMemory(memory->total, memory->free);
  return *memory;
}

// A device that fails is no reason to wait: the process ends, and the driver takes all back.
int64_t JobRunner::AwaitMemory(const gpu::MemoryInfo& before) {
  const absl::Time until = SteadyNow() + context_.memory_back_within;
  while (const std::optional<gpu::MemoryInfo> now = LookAtDevice()) {
    const int64_t missing = before.free - now->free;
    if (missing <= MemoryTolerance(before)) return 0;
    absl::MutexLock lock(&mutex_);
    const auto ending = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_; };
    const bool ends = busier_.Await(mutex_, ending, SteadyNow() + kMemoryLookEvery);
    if (ends || SteadyNow() >= until) return missing;
  }
  return 0;
}

void JobRunner::GiveBack(const Assignment& assignment,
                         const std::optional<gpu::MemoryInfo>& before) {
  const int64_t missing = before ? AwaitMemory(*before) : 0;
  if (missing > 0) {
    LogWarning("memory of the GPU has not come back after a job",
               {{"job", assignment.assign().job()},
                {"missing", FormatByteSize(missing)},
                {"free_before", FormatByteSize(before->free)}});
  }
  if (before) context_.metrics.SetDeviceMemoryMissing(missing);
  absl::MutexLock lock(&mutex_);
  in_work_.reset();
  if (context_.gpu == nullptr) return;
  freed_.emplace();
  freed_->set_job(assignment.assign().job());
  freed_->set_attempt(assignment.assign().attempt());
  freed_->set_missing_bytes(missing);
  v1::FromWorker message;
  *message.mutable_freed() = *freed_;
  outbox_.Send(std::move(message));
}

}  // namespace hebb::runtime
