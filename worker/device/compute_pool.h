// SPDX-License-Identifier: Apache-2.0
// The compute threads of one engine. Each calls the libraries single-threaded: the slices of a
// batch are the parallelism (design.md 5), so nothing forks inside a library call.
#ifndef HEBB_WORKER_DEVICE_COMPUTE_POOL_H_
#define HEBB_WORKER_DEVICE_COMPUTE_POOL_H_

#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace hebb::device {

// Thread-safety: one caller at a time. Threads are named hebb-compute-N and joined by the
// destructor. Running work allocates nothing.
class ComputePool {
 public:
  // body(index, thread): which of the work, and on which of the threads.
  using Body = absl::FunctionRef<void(int index, int thread)>;

  // REQUIRES: threads >= 1.
  explicit ComputePool(int threads);
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  int size() const { return static_cast<int>(threads_.size()); }

  // Calls body for every index below `count`, each once, in increasing order of start, on
  // whichever thread is free; returns when all are done.
  void ParallelFor(int count, Body body);

 private:
  void ThreadMain(int thread);

  absl::Mutex mutex_;
  const Body* body_ ABSL_GUARDED_BY(mutex_) = nullptr;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  int next_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::CondVar work_;
  absl::CondVar done_;

  std::vector<std::thread> threads_;  // constant after construction
};

}  // namespace hebb::device

#endif  // HEBB_WORKER_DEVICE_COMPUTE_POOL_H_
