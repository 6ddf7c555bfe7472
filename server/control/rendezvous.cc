// SPDX-License-Identifier: Apache-2.0
#include "server/control/rendezvous.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace hebb::control {
namespace {

constexpr size_t kKeysMax = 10000;
constexpr size_t kValueBytesMax = 1 << 20;
// How often a waiting call looks whether its client has gone.
constexpr absl::Duration kCancelPoll = absl::Milliseconds(100);

absl::Status Over(const GenerationId& id) {
  return absl::AbortedError(absl::StrCat("generation ", id.generation, " of job ", id.job,
                                         " attempt ", id.attempt, " is over"));
}

}  // namespace

void Rendezvous::Open(const GenerationId& generation) {
  absl::MutexLock lock(&mutex_);
  open_[generation];
}

void Rendezvous::Close(const GenerationId& generation) {
  absl::MutexLock lock(&mutex_);
  open_.erase(generation);
  changed_.SignalAll();
}

void Rendezvous::Shutdown() {
  absl::MutexLock lock(&mutex_);
  open_.clear();
  changed_.SignalAll();
}

absl::Status Rendezvous::Set(const GenerationId& generation, const std::string& key,
                             const std::string& value) {
  if (value.size() > kValueBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("key '", key, "': value of ", value.size(),
                                                   " bytes; at most ", kValueBytesMax));
  }
  absl::MutexLock lock(&mutex_);
  const auto found = open_.find(generation);
  if (found == open_.end()) return Over(generation);
  if (found->second.size() >= kKeysMax && !found->second.contains(key)) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kKeysMax, " rendezvous keys"));
  }
  found->second[key] = value;
  changed_.SignalAll();
  return absl::OkStatus();
}

absl::StatusOr<std::string> Rendezvous::Get(const GenerationId& generation, const std::string& key,
                                            absl::Time deadline,
                                            const std::function<bool()>& cancelled) {
  absl::MutexLock lock(&mutex_);
  const auto settled = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = open_.find(generation);
    return found == open_.end() || found->second.contains(key);
  };
  while (!changed_.Await(mutex_, settled, std::min(deadline, SteadyNow() + kCancelPoll))) {
    if (cancelled()) return absl::CancelledError("the caller has gone");
    if (SteadyNow() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat("nobody set the key '", key, "' in time"));
    }
  }
  const auto found = open_.find(generation);
  if (found == open_.end()) return Over(generation);
  return found->second[key];
}

}  // namespace hebb::control
