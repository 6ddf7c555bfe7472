// SPDX-License-Identifier: Apache-2.0
#include "server/store/write_queue.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/status_macros.h"

namespace hebb::store {

WriteQueue::WriteQueue(std::unique_ptr<Database> database, StoreTimer timer)
    : database_(std::move(database)), timer_(std::move(timer)), thread_([this] { Work(); }) {}

WriteQueue::~WriteQueue() {
  {
    absl::MutexLock lock(&mutex_);
    ends_ = true;
  }
  thread_.join();
}

absl::Status WriteQueue::Run(Change change) {
  const absl::Time begin = absl::Now();
  Ticket ticket{change};
  {
    const auto has_room = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return waiting_.size() < kMaxWaiting;
    };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&has_room));
    waiting_.push_back(&ticket);
  }
  ticket.done.WaitForNotification();
  if (timer_) timer_("write", absl::Now() - begin);
  return std::move(ticket.result);
}

bool WriteQueue::AwaitWaiting(size_t count, absl::Duration timeout) {
  const auto are_there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return waiting_.size() >= count;
  };
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&are_there), timeout);
}

void WriteQueue::Work() {
  for (Batch batch = TakeBatch(); !batch.empty(); batch = TakeBatch()) {
    RunBatch(batch);
    // A ticket is gone as soon as its caller knows.
    for (Ticket* ticket : batch) ticket->done.Notify();
  }
}

WriteQueue::Batch WriteQueue::TakeBatch() {
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !waiting_.empty() || ends_;
  };
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&has_work));
  const auto end =
      waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxBatch));
  Batch batch(waiting_.begin(), end);
  waiting_.erase(waiting_.begin(), end);
  return batch;
}

void WriteQueue::RunBatch(const Batch& batch) {
  const auto run = [&]() -> absl::Status {
    HEBB_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(*database_));
    for (Ticket* ticket : batch) {
      ticket->result = RunAlone(*ticket);
      // A broken disk has ended the transaction: what came before in it is gone as well.
      if (!database_->InTransaction()) return ticket->result;
    }
    return transaction.Commit();
  };
  const absl::Status status = run();
  if (status.ok()) return;
  // A refusal too may rest on what another change of the batch did, which did not happen.
  for (Ticket* ticket : batch) ticket->result = status;
}

absl::Status WriteQueue::RunAlone(Ticket& ticket) {
  HEBB_RETURN_IF_ERROR(database_->Run("SAVEPOINT change"));
  const absl::Status status = ticket.change(*database_);
  if (!database_->InTransaction()) {
    return status.ok() ? absl::InternalError("a change ended its transaction") : status;
  }
  if (!status.ok()) HEBB_RETURN_IF_ERROR(database_->Run("ROLLBACK TO change"));
  HEBB_RETURN_IF_ERROR(database_->Run("RELEASE change"));
  return status;
}

}  // namespace hebb::store
