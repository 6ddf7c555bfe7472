// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/sum_queue.h"

#include <string>
#include <utility>

#include "common/check.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/tree_sum.h"

namespace hebb::comm {

SumQueue::SumQueue(Communicator& communicator, const SumQueueOptions& options)
    : communicator_(communicator), options_(options), backstop_(options.backstop) {
  HEBB_CHECK(options.slices == 0 || communicator.topology().size <= options.slices);
  thread_ = std::thread([this] { Run(); });
}

SumQueue::~SumQueue() {
  bool abandoned = false;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    abandoned = pending_count_ > 0;
  }
  if (abandoned) communicator_.Abort("the step was given up before its sums had arrived");
  thread_.join();
}

void SumQueue::Start(int index, std::span<const float* const> nodes, std::span<float> sum,
                     slices::VectorMemory& memory) {
  HEBB_CHECK(index >= 0);
  HEBB_CHECK(options_.slices > 0 || nodes.size() == 1);
  absl::MutexLock lock(&mutex_);
  if (!status_.ok()) return;  // Wait says so
  while (static_cast<int>(slots_.size()) <= index) slots_.emplace_back();
  Slot& slot = slots_[index];
  HEBB_CHECK(!slot.pending);
  slot.nodes.assign(nodes.begin(), nodes.end());
  slot.sum = sum;
  slot.memory = &memory;
  slot.pending = true;
  ++pending_count_;
  queue_.push_back(index);
}

absl::Status SumQueue::Wait(int index) {
  const absl::Time begin = SteadyNow();
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(!status_.ok() || (index >= 0 && index < static_cast<int>(slots_.size())));
  const auto done = [this, index]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !status_.ok() || !slots_[index].pending;
  };
  mutex_.Await(absl::Condition(&done));
  totals_.wait_seconds += absl::ToDoubleSeconds(SteadyNow() - begin);
  return status_;
}

absl::Status SumQueue::Drain() {
  const absl::Time begin = SteadyNow();
  absl::MutexLock lock(&mutex_);
  const auto done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return pending_count_ == 0; };
  mutex_.Await(absl::Condition(&done));
  totals_.wait_seconds += absl::ToDoubleSeconds(SteadyNow() - begin);
  return status_;
}

void SumQueue::StepTook(absl::Duration step) {
  absl::MutexLock lock(&mutex_);
  backstop_.StepTook(step);
}

SumQueueTotals SumQueue::totals() const {
  absl::MutexLock lock(&mutex_);
  return totals_;
}

// Every sum ends by its deadline, so waiters do too.
void SumQueue::Run() {
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !queue_.empty();
  };
  for (;;) {
    Slot* slot = nullptr;
    absl::Time deadline;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      if (queue_.empty()) return;
      slot = &slots_[queue_.front()];
      queue_.pop_front();
      deadline = SteadyNow() + backstop_.timeout();
    }
    const absl::Time begin = SteadyNow();
    absl::Status status = SumOne(*slot, deadline);
    // Of the memory: the peers must not wait for this rank. Of the communicator: it knows already.
    if (!status.ok()) communicator_.Abort(status.message());
    absl::MutexLock lock(&mutex_);
    ++totals_.sums;
    totals_.bytes += static_cast<int64_t>(slot->sum.size_bytes());
    totals_.sum_seconds += absl::ToDoubleSeconds(SteadyNow() - begin);
    slot->pending = false;
    --pending_count_;
    if (!status.ok()) {
      status_ = std::move(status);
      for (const int index : queue_) slots_[index].pending = false;
      pending_count_ = 0;
      queue_.clear();
      return;
    }
  }
}

absl::Status SumQueue::SumOne(const Slot& slot, absl::Time deadline) {
  if (options_.slices > 0) return TreeIn(*slot.memory).Sum(slot.nodes, slot.sum, deadline);
  HEBB_RETURN_IF_ERROR(slot.memory->Copy(slot.nodes[0], slot.sum.data(), slot.sum.size()));
  return communicator_.AllReduce(slot.sum, deadline);
}

TreeSum& SumQueue::TreeIn(slices::VectorMemory& memory) {
  for (const Tree& tree : trees_) {
    if (tree.memory == &memory) return *tree.sum;
  }
  trees_.push_back({&memory, std::make_unique<TreeSum>(communicator_, options_.slices, memory)});
  return *trees_.back().sum;
}

}  // namespace hebb::comm
