// SPDX-License-Identifier: Apache-2.0
#ifndef HEBB_WORKER_RUNTIME_OWN_RENDEZVOUS_H_
#define HEBB_WORKER_RUNTIME_OWN_RENDEZVOUS_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/steady_clock.h"
#include "worker/comm/rendezvous.h"

namespace hebb::runtime {

// Where the threads of one process meet, for its checks of itself. Thread-safe.
class OwnRendezvous : public comm::Rendezvous {
 public:
  absl::Status Set(const std::string& key, const std::string& value) override {
    absl::MutexLock lock(&mutex_);
    values_[key] = value;
    changed_.SignalAll();
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Get(const std::string& key, absl::Time deadline) override {
    absl::MutexLock lock(&mutex_);
    const auto there = [this, &key]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return values_.contains(key); };
    if (!changed_.Await(mutex_, there, deadline)) {
      return absl::DeadlineExceededError(absl::StrCat("nobody has set ", key));
    }
    return values_[key];
  }

 private:
  absl::Mutex mutex_;
  SteadyCondVar changed_;
  std::map<std::string, std::string> values_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_OWN_RENDEZVOUS_H_
