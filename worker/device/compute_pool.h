// SPDX-License-Identifier: Apache-2.0
// The compute threads of one engine: the thread that asks and as many others as it takes. Each
// calls the libraries single-threaded: slices and tiles are the parallelism (design.md 5), so
// nothing forks inside a library call.
#ifndef HEBB_WORKER_DEVICE_COMPUTE_POOL_H_
#define HEBB_WORKER_DEVICE_COMPUTE_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace hebb::device {

// Thread-safety: one caller at a time. The other threads are named hebb-compute-N and joined by the
// destructor. Running work allocates nothing. A step is a series of short pieces of work, so
// whoever waits looks out for the next one for some microseconds before it sleeps.
class ComputePool {
 public:
  // body(index, thread): which of the work, and on which of the threads.
  using Body = absl::FunctionRef<void(int index, int thread)>;

  // REQUIRES: threads >= 1.
  explicit ComputePool(int threads);
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls body for every index below `count`, each once, in increasing order of start, on
  // whichever thread is free; returns when all are done. The caller is thread 0.
  void ParallelFor(int count, Body body);

 private:
  void ThreadMain(int thread);
  // Takes indexes until none is left.
  void Work(int thread) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return body_ != nullptr && next_ < count_;
  }

  absl::Mutex mutex_;
  const Body* body_ ABSL_GUARDED_BY(mutex_) = nullptr;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  int next_ ABSL_GUARDED_BY(mutex_) = 0;
  // Written under the mutex; read without it by those who look out.
  std::atomic<int> running_ = 0;
  std::atomic<uint64_t> calls_ = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::CondVar work_;
  absl::CondVar done_;

  std::vector<std::thread> threads_;  // constant after construction
};

}  // namespace hebb::device

#endif  // HEBB_WORKER_DEVICE_COMPUTE_POOL_H_
