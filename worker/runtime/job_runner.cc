// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/job_runner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/log.h"
#include "common/steady_clock.h"

namespace hebb::runtime {
namespace {

// A step of a gang that must part without the coordinator.
constexpr absl::Duration kPartWithin = absl::Seconds(2);

}  // namespace

JobRunner::JobRunner(AttemptContext context, Outbox& outbox)
    : context_(std::move(context)), outbox_(outbox), thread_([this] { TrainForever(); }) {}

JobRunner::~JobRunner() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
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
  if (message.has_release()) {
    const auto assignment = Find(message.release().job(), message.release().attempt());
    if (assignment) assignment->Release("released by the coordinator");
    return;
  }
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
}

std::shared_ptr<Assignment> JobRunner::Find(absl::string_view job, int attempt) const {
  absl::MutexLock lock(&mutex_);
  return current_ && current_->Is(job, attempt) ? current_ : nullptr;
}

// ---- training thread ---------------------------------------------------------------------------

void JobRunner::TrainForever() {
  while (true) {
    std::shared_ptr<Assignment> assignment;
    {
      absl::MutexLock lock(&mutex_);
      training_ = false;
      idler_.SignalAll();
      mutex_.Await(absl::Condition(this, &JobRunner::WorkOrEnd));
      if (ending_) return;
      assignment = current_;
      fresh_ = false;
      training_ = true;
    }
    Attempt(context_, *assignment, [this] { return CoordinatorTimes(); }).Run();
    context_.metrics.EndJob();
  }
}

}  // namespace hebb::runtime
