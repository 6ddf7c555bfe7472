// SPDX-License-Identifier: Apache-2.0
#include "worker/device/compute_pool.h"

#include <pthread.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"

// libgomp's, declared here because clang's <omp.h> belongs to another OpenMP library than the one
// that oneDNN is linked to.
extern "C" void omp_set_num_threads(int threads);

namespace hebb::device {

ComputePool::ComputePool(int threads) {
  HEBB_CHECK(threads >= 1);
  threads_.reserve(threads);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { ThreadMain(i); });
}

ComputePool::~ComputePool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    work_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void ComputePool::ParallelFor(int count, Body body) {
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(body_ == nullptr);
  body_ = &body;
  count_ = count;
  next_ = 0;
  work_.SignalAll();
  while (next_ < count_ || running_ > 0) done_.Wait(&mutex_);
  body_ = nullptr;
}

void ComputePool::ThreadMain(int thread) {
  pthread_setname_np(pthread_self(), absl::StrCat("hebb-compute-", thread).substr(0, 15).c_str());
  omp_set_num_threads(1);  // of this thread's library calls
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    if (body_ == nullptr || next_ >= count_) {
      work_.Wait(&mutex_);
      continue;
    }
    const int index = next_++;
    const Body& body = *body_;
    ++running_;
    mutex_.Unlock();
    body(index, thread);
    mutex_.Lock();
    if (--running_ == 0 && next_ >= count_) done_.Signal();
  }
}

}  // namespace hebb::device
