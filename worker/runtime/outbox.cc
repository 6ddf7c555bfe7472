// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/outbox.h"

#include <iterator>
#include <utility>

namespace hebb::runtime {

void Outbox::Open(std::vector<v1::FromWorker> first) {
  absl::MutexLock lock(&mutex_);
  state_ = State::kOpen;
  queue_.assign(std::make_move_iterator(first.begin()), std::make_move_iterator(first.end()));
  changed_.SignalAll();
}

void Outbox::Close() {
  absl::MutexLock lock(&mutex_);
  state_ = State::kClosed;
  queue_.clear();
  changed_.SignalAll();
}

bool Outbox::SendLast(v1::FromWorker message) {
  absl::MutexLock lock(&mutex_);
  if (state_ != State::kOpen) return false;
  queue_.push_back(std::move(message));
  state_ = State::kEnding;
  changed_.SignalAll();
  return true;
}

bool Outbox::Send(v1::FromWorker message) {
  absl::MutexLock lock(&mutex_);
  if (state_ != State::kOpen) return false;
  changed_.SignalAll();
  if (queue_.size() >= kCapacity) {
    state_ = State::kClosed;
    queue_.clear();
    return false;
  }
  queue_.push_back(std::move(message));
  return true;
}

Outbox::Event Outbox::Next(absl::Time deadline, v1::FromWorker& message) {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return Ready(); };
  changed_.Await(mutex_, ready, deadline);
  if (!queue_.empty()) {
    message = std::move(queue_.front());
    queue_.pop_front();
    return Event::kMessage;
  }
  return state_ == State::kOpen ? Event::kDeadline : Event::kClosed;
}

}  // namespace hebb::runtime
