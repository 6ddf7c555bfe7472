// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/assignment.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/log_level_name.h"

namespace hebb::runtime {
namespace {

v1::LogLine MakeLogLine(const v1::GenerationId& id, int rank, LogLevel level,
                        absl::string_view text) {
  const int64_t nanos = absl::GetCurrentTimeNanos();
  v1::LogLine line;
  line.mutable_time()->set_seconds(nanos / 1'000'000'000);
  line.mutable_time()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  line.set_attempt(id.attempt());
  line.set_rank(rank);
  line.set_text(std::string(text));
  line.set_level(std::string(LogLevelName(level)));
  return line;
}

}  // namespace

Assignment::Assignment(v1::Assign assign, Outbox& outbox)
    : assign_(std::move(assign)), outbox_(outbox) {
  absl::MutexLock lock(&mutex_);
  id_.set_job(assign_.job());
  id_.set_attempt(assign_.attempt());
}

bool Assignment::Is(absl::string_view job, int attempt) const {
  return assign_.job() == job && assign_.attempt() == attempt;
}

// ---- session's thread --------------------------------------------------------------------------

void Assignment::Attach(const Open& open) {
  absl::MutexLock lock(&mutex_);
  if (OverLocked()) return open(std::nullopt, {});
  v1::HeldAttempt held;
  *held.mutable_generation() = id_;
  held.set_rank(rank_);
  held.set_step(step_);
  held.set_in_gang(phase_ == Phase::kInGang || phase_ == Phase::kFinished);
  open(std::move(held), AgainLocked());
}

// Epochs may arrive twice; the coordinator keeps one record of each.
std::vector<v1::FromWorker> Assignment::AgainLocked() {
  std::vector<v1::FromWorker> again;
  if (!log_.empty()) again.push_back(LogBatchLocked());
  log_.clear();
  if (LeadsLocked()) {
    for (const v1::EpochRecord& record : epochs_) {
      v1::EpochReport& report = *again.emplace_back().mutable_epoch();
      *report.mutable_generation() = id_;
      *report.mutable_record() = record;
    }
    epochs_sent_ = epochs_.size();
    if (progress_) *again.emplace_back().mutable_progress() = *progress_;
  }
  AddDigestsLocked(0, again);
  if (phase_ == Phase::kWaiting) *again.emplace_back().mutable_report() = report_;
  if (phase_ == Phase::kFinished) *again.emplace_back().mutable_result() = result_;
  return again;
}

void Assignment::AssignedAgain() {
  absl::MutexLock lock(&mutex_);
  if (phase_ != Phase::kWaiting) return;
  v1::FromWorker message;
  *message.mutable_report() = report_;
  SendLocked(std::move(message));
}

void Assignment::FormGang(const v1::FormGang& form) {
  absl::MutexLock lock(&mutex_);
  const int newest = next_ ? next_->form.generation().generation() : id_.generation();
  if (form.generation().generation() <= newest) return;
  AbortLocked(absl::StrCat("generation ", form.generation().generation(), " is formed"));
  next_ = std::make_unique<Generation>();
  next_->form = form;
}

void Assignment::LeaveGang(const v1::LeaveGang& leave) {
  absl::MutexLock lock(&mutex_);
  Generation* generation = FindLocked(leave.generation());
  if (generation == nullptr) return;
  if (leave.when() == v1::LeaveGang::AT_STEP_BOUNDARY) {
    generation->requests.leave = true;
  } else {
    generation->cancellation.Cancel(leave.reason().empty() ? "a member was lost" : leave.reason());
  }
}

void Assignment::Stop(const v1::Stop& stop) {
  absl::MutexLock lock(&mutex_);
  Generation* generation = FindLocked(stop.generation());
  if (generation == nullptr) return;
  generation->requests.stop_checkpoint = stop.checkpoint();  // before `stop`, which is read first
  generation->requests.stop = true;
}

void Assignment::ResultAccepted(const v1::ResultAccepted& accepted) {
  absl::MutexLock lock(&mutex_);
  if (phase_ != Phase::kFinished || FindLocked(accepted.generation()) == nullptr) return;
  accepted_ = true;
}

void Assignment::Release(absl::string_view reason) {
  absl::MutexLock lock(&mutex_);
  released_ = true;
  cancellation_.Cancel(reason);
  AbortLocked(reason);
}

void Assignment::LeaveUntil(absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  leaving_ = true;
  if (!communicating_ || !LeadsLocked()) return;
  generation_->requests.leave = true;
  const auto parted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !communicating_; };
  out_of_gang_.Await(mutex_, parted, deadline);
}

// ---- training thread ---------------------------------------------------------------------------

void Assignment::SetData(std::vector<v1::DataDigest> data) {
  absl::MutexLock lock(&mutex_);
  data_ = std::move(data);
}

void Assignment::Report(int64_t step, std::string digest, std::string cause, bool fatal) {
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(!communicating_);
  phase_ = Phase::kWaiting;
  step_ = step;
  report_.Clear();
  *report_.mutable_generation() = id_;
  report_.set_step(step);
  report_.set_weights_digest(std::move(digest));
  report_.set_cause(std::move(cause));
  report_.set_fatal(fatal);
  if (id_.generation() == 0) report_.mutable_data()->Assign(data_.begin(), data_.end());
  // A newer generation than the one just left waits for us: the coordinator knows.
  if ((next_ && !fatal) || leaving_) return;
  v1::FromWorker message;
  *message.mutable_report() = report_;
  SendLocked(std::move(message));
}

Generation* Assignment::AwaitGang() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &Assignment::GangOrReleased));
  generation_.reset();
  if (released_) return nullptr;
  generation_ = std::move(next_);
  id_ = generation_->form.generation();
  rank_ = generation_->form.rank();
  phase_ = Phase::kInGang;
  communicating_ = true;
  SendEpochsLocked();  // a new rank 0 tells what the old one may not have told
  return generation_.get();
}

void Assignment::OutOfGang() {
  absl::MutexLock lock(&mutex_);
  communicating_ = false;
  out_of_gang_.Signal();
}

bool Assignment::Finish(v1::AttemptResult result) {
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(!communicating_);
  *result.mutable_generation() = id_;
  step_ = result.step();
  result_ = std::move(result);
  phase_ = Phase::kFinished;
  v1::FromWorker message;
  *message.mutable_result() = result_;
  SendLocked(std::move(message));
  mutex_.Await(absl::Condition(this, &Assignment::ResultDecided));
  return OverLocked();
}

void Assignment::SetStep(int64_t step) {
  absl::MutexLock lock(&mutex_);
  step_ = step;
}

void Assignment::Progress(v1::Progress progress) {
  absl::MutexLock lock(&mutex_);
  *progress.mutable_generation() = id_;
  progress_ = std::move(progress);
  if (!LeadsLocked()) return;
  v1::FromWorker message;
  *message.mutable_progress() = *progress_;
  SendLocked(std::move(message));
}

void Assignment::EpochDone(v1::EpochRecord record) {
  absl::MutexLock lock(&mutex_);
  epochs_.push_back(std::move(record));
  SendEpochsLocked();
}

void Assignment::DigestDone(int64_t step, std::string weights_digest) {
  absl::MutexLock lock(&mutex_);
  digests_.emplace_back(step, std::move(weights_digest));
  if (digests_.size() > kDigestsKept) digests_.pop_front();
  std::vector<v1::FromWorker> message;
  AddDigestsLocked(digests_.size() - 1, message);
  SendLocked(std::move(message.front()));
}

void Assignment::LogLine(LogLevel level, absl::string_view text) {
  const int rank = this->rank();
  Log(level, text,
      {{"job", assign_.job()},
       {"attempt", absl::StrCat(assign_.attempt())},
       {"rank", rank < 0 ? "-" : absl::StrCat(rank)}});
  absl::MutexLock lock(&mutex_);
  log_.push_back(MakeLogLine(id_, rank, level, text));
  if (log_.size() > kLogLinesKept) log_.pop_front();
  if (SendLocked(LogBatchLocked())) log_.clear();
}

bool Assignment::released() const {
  absl::MutexLock lock(&mutex_);
  return released_;
}

bool Assignment::over() const {
  absl::MutexLock lock(&mutex_);
  return OverLocked();
}

int64_t Assignment::step() const {
  absl::MutexLock lock(&mutex_);
  return step_;
}

v1::GenerationId Assignment::generation() const {
  absl::MutexLock lock(&mutex_);
  return id_;
}

int Assignment::rank() const {
  absl::MutexLock lock(&mutex_);
  return rank_;
}

// ---- under the lock ----------------------------------------------------------------------------

Generation* Assignment::FindLocked(const v1::GenerationId& id) {
  for (Generation* generation : {generation_.get(), next_.get()}) {
    if (generation != nullptr && id.job() == id_.job() && id.attempt() == id_.attempt() &&
        id.generation() == generation->form.generation().generation()) {
      return generation;
    }
  }
  return nullptr;
}

bool Assignment::LeadsLocked() const { return rank_ == 0; }

bool Assignment::SendLocked(v1::FromWorker message) {
  return !OverLocked() && outbox_.Send(std::move(message));
}

void Assignment::SendEpochsLocked() {
  if (!LeadsLocked()) return;
  for (; epochs_sent_ < epochs_.size(); ++epochs_sent_) {
    v1::FromWorker message;
    *message.mutable_epoch()->mutable_generation() = id_;
    *message.mutable_epoch()->mutable_record() = epochs_[epochs_sent_];
    if (!SendLocked(std::move(message))) return;
  }
}

// In messages of kDigestsInMessage.
void Assignment::AddDigestsLocked(size_t begin, std::vector<v1::FromWorker>& out) const {
  v1::DigestReport* report = nullptr;
  for (size_t i = begin; i < digests_.size(); ++i) {
    if ((i - begin) % kDigestsInMessage == 0) {
      report = out.emplace_back().mutable_digests();
      *report->mutable_generation() = id_;
      report->set_rank(rank_);
    }
    v1::StepDigest& digest = *report->add_digests();
    digest.set_step(digests_[i].first);
    digest.set_weights_digest(digests_[i].second);
  }
}

v1::FromWorker Assignment::LogBatchLocked() const {
  v1::FromWorker message;
  v1::LogBatch& batch = *message.mutable_log();
  *batch.mutable_generation() = id_;
  batch.set_rank(rank_);
  for (const v1::LogLine& line : log_) *batch.add_lines() = line;
  return message;
}

void Assignment::AbortLocked(absl::string_view reason) {
  for (Generation* generation : {generation_.get(), next_.get()}) {
    if (generation != nullptr) generation->cancellation.Cancel(reason);
  }
}

bool Assignment::GangOrReleased() const { return released_ || next_ != nullptr; }

bool Assignment::ResultDecided() const {
  return OverLocked() || generation_->cancellation.cancelled();
}

}  // namespace hebb::runtime
