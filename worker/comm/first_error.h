// SPDX-License-Identifier: Apache-2.0
// The first error of a communicator, which all later operations return.
#ifndef HEBB_WORKER_COMM_FIRST_ERROR_H_
#define HEBB_WORKER_COMM_FIRST_ERROR_H_

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace hebb::comm {

// Thread-safe.
class FirstError {
 public:
  void Keep(const absl::Status& error) {
    absl::MutexLock lock(&mutex_);
    error_.Update(error);  // does nothing if there is one
  }

  absl::Status get() const {
    absl::MutexLock lock(&mutex_);
    return error_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_FIRST_ERROR_H_
