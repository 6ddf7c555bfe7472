// SPDX-License-Identifier: Apache-2.0
#include "server/control/rounds.h"

namespace hebb::control {

void Rounds::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Rounds::Stop() {
  if (!thread_.joinable()) return;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Rounds::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
  changed_.SignalAll();
}

bool Rounds::stopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

void Rounds::Run() {
  const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
  const auto due = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; };
  while (true) {
    const absl::Time again = round_();
    absl::MutexLock lock(&mutex_);
    if (changed_.Await(mutex_, stopping, SteadyNow() + pace_)) return;
    changed_.Await(mutex_, due, again);
    if (stopping_) return;
    woken_ = false;
  }
}

}  // namespace hebb::control
