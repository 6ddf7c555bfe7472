// SPDX-License-Identifier: Apache-2.0
// A rendezvous in memory: what the coordinator's is to a gang, for ranks in one process.
#ifndef HEBB_TESTS_CONTRACT_COMM_MAP_RENDEZVOUS_H_
#define HEBB_TESTS_CONTRACT_COMM_MAP_RENDEZVOUS_H_

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "worker/comm/rendezvous.h"

namespace hebb::comm {

// Thread-safe.
class MapRendezvous : public Rendezvous {
 public:
  absl::Status Set(const std::string& key, const std::string& value) override {
    absl::MutexLock lock(&mutex_);
    values_[key] = value;
    return over_ ? absl::AbortedError("this generation is over") : absl::OkStatus();
  }

  absl::StatusOr<std::string> Get(const std::string& key, absl::Time deadline) override {
    absl::MutexLock lock(&mutex_);
    const auto settled = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return over_ || values_.contains(key);
    };
    if (!mutex_.AwaitWithDeadline(absl::Condition(&settled), deadline)) {
      return absl::DeadlineExceededError(absl::StrCat("no key ", key));
    }
    if (over_) return absl::AbortedError("this generation is over");
    return values_[key];
  }

  void End() {
    absl::MutexLock lock(&mutex_);
    over_ = true;
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, std::string> values_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hebb::comm

#endif  // HEBB_TESTS_CONTRACT_COMM_MAP_RENDEZVOUS_H_
