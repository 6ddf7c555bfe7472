// SPDX-License-Identifier: Apache-2.0
// Keeps count of which sums' parts exist for all of the rank's slices, and tells the sink in the
// order of the sums, one call at a time.
#ifndef HEBB_WORKER_ENGINE_READY_SUMS_H_
#define HEBB_WORKER_ENGINE_READY_SUMS_H_

#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "worker/device/aligned_buffer.h"
#include "worker/engine/engine.h"

namespace hebb::engine {

// Thread-safe. Owns the parts of every slice and sum.
class ReadySums {
 public:
  ReadySums(std::span<const SumInfo> sums, int slices);

  // Where slice `slice` writes its part of `sum`. The memory stays the same.
  float* Part(int slice, int sum) { return parts_[sum][slice].data(); }

  // Begins a step; `sink` is borrowed until the next.
  void Start(SumSink& sink);

  // One more slice has written its part of `sum`. Returns the sink's first error, if it had any.
  absl::Status Done(int sum);
  // All of them have.
  absl::Status AllDone(int sum);

 private:
  absl::Status Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::vector<std::vector<device::FloatBuffer>> parts_;  // [sum][slice]
  std::vector<std::vector<const float*>> leaves_;        // the same memory

  absl::Mutex mutex_;
  SumSink* sink_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<int> missing_ ABSL_GUARDED_BY(mutex_);  // slices, by sum
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;           // the next to be told
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_READY_SUMS_H_
