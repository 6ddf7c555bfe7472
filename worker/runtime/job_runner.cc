// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/job_runner.h"

#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "common/log.h"

namespace hebb::runtime {

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

void JobRunner::LeaveGang(absl::Duration notice) {
  std::shared_ptr<Assignment> assignment;
  {
    absl::MutexLock lock(&mutex_);
    assignment = current_;
  }
  if (assignment != nullptr) assignment->LeaveUntil(absl::Now() + notice);
}

bool JobRunner::Drop(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  ending_ = true;
  if (current_) current_->Release("the worker ends");
  return mutex_.AwaitWithDeadline(absl::Condition(this, &JobRunner::Idle), deadline);
}

// ---- session's threads -------------------------------------------------------------------------

void JobRunner::Attach(const Open& open) {
  absl::MutexLock lock(&mutex_);
  if (current_) {
    current_->Attach(open);
  } else {
    open(std::nullopt, {});
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

void JobRunner::AttachedChanged(bool attached) {
  context_.metrics.SetAttached(attached);
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
      mutex_.Await(absl::Condition(this, &JobRunner::WorkOrEnd));
      if (ending_) return;
      assignment = current_;
      fresh_ = false;
      training_ = true;
    }
    Attempt(context_, *assignment).Run();
  }
}

}  // namespace hebb::runtime
