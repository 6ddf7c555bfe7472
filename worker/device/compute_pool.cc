// SPDX-License-Identifier: Apache-2.0
#include "worker/device/compute_pool.h"

#include <pthread.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"

// libgomp's, declared here because clang's <omp.h> belongs to another OpenMP library than the one
// that oneDNN is linked to.
extern "C" void omp_set_num_threads(int threads);

namespace hebb::device {

namespace {

// How often a waiting thread looks before it sleeps: some 20 microseconds, as long as it takes to
// wake one up.
constexpr int kLooks = 500;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

template <typename Condition>
void LookOutFor(const Condition& condition) {
  for (int i = 0; i < kLooks && !condition(); ++i) Pause();
}

}  // namespace

ComputePool::ComputePool(int threads) {
  HEBB_CHECK(threads >= 1);
  threads_.reserve(threads - 1);
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this, i] { ThreadMain(i); });
}

ComputePool::~ComputePool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    ++calls_;
    work_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void ComputePool::Work(int thread) {
  const Body& body = *body_;
  ++running_;
  while (next_ < count_) {
    const int index = next_++;
    mutex_.Unlock();
    body(index, thread);
    mutex_.Lock();
  }
  --running_;
}

void ComputePool::ParallelFor(int count, Body body) {
  omp_set_num_threads(1);  // of this thread's library calls
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(body_ == nullptr);
  body_ = &body;
  count_ = count;
  next_ = 0;
  if (count > 1) {
    ++calls_;
    work_.SignalAll();
  }
  Work(0);
  while (running_ > 0) {
    mutex_.Unlock();
    LookOutFor([this] { return running_ == 0; });
    mutex_.Lock();
    if (running_ > 0) done_.Wait(&mutex_);
  }
  body_ = nullptr;
}

void ComputePool::ThreadMain(int thread) {
  pthread_setname_np(pthread_self(), absl::StrCat("hebb-compute-", thread).substr(0, 15).c_str());
  omp_set_num_threads(1);
  absl::MutexLock lock(&mutex_);
  while (!stopping_) {
    if (HasWork()) {
      Work(thread);
      if (running_ == 0) done_.Signal();
      continue;
    }
    const uint64_t seen = calls_;
    mutex_.Unlock();
    LookOutFor([this, seen] { return calls_ != seen; });
    mutex_.Lock();
    if (calls_ == seen) work_.Wait(&mutex_);
  }
}

}  // namespace hebb::device
