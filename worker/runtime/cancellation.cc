// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/cancellation.h"

#include <utility>

namespace hebb::runtime {

void Cancellation::Cancel(absl::string_view reason) {
  absl::MutexLock lock(&mutex_);
  if (cancelled_) return;
  cancelled_ = true;
  changed_.SignalAll();
  reason_ = std::string(reason);
  for (const auto& [id, action] : actions_) action(reason_);
}

bool Cancellation::cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

std::string Cancellation::reason() const {
  absl::MutexLock lock(&mutex_);
  return reason_;
}

bool Cancellation::Pause(absl::Duration duration) const {
  absl::MutexLock lock(&mutex_);
  const auto cancelled = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return cancelled_; };
  return !changed_.Await(mutex_, cancelled, SteadyNow() + duration);
}

Cancellation::Scope::Scope(Cancellation& cancellation,
                           std::function<void(const std::string&)> action)
    : cancellation_(cancellation) {
  absl::MutexLock lock(&cancellation_.mutex_);
  id_ = cancellation_.next_id_++;
  if (cancellation_.cancelled_) {
    action(cancellation_.reason_);
  } else {
    cancellation_.actions_.emplace(id_, std::move(action));
  }
}

Cancellation::Scope::~Scope() {
  absl::MutexLock lock(&cancellation_.mutex_);
  cancellation_.actions_.erase(id_);
}

}  // namespace hebb::runtime
