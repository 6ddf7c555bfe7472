// SPDX-License-Identifier: Apache-2.0
// Owns what the sums of a step are made of on this rank: of each sum the nodes of its slice tree
// and, where slices write parts of their own, those. Keeps count of the parts, folds them, and
// tells the sink in the order of the sums, one call at a time.
#ifndef HEBB_WORKER_ENGINE_READY_SUMS_H_
#define HEBB_WORKER_ENGINE_READY_SUMS_H_

#include <deque>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "worker/device/aligned_buffer.h"
#include "worker/engine/engine.h"
#include "worker/engine/plan.h"
#include "worker/slices/vector_fold.h"

namespace hebb::engine {

// Thread-safe. All memory stays where it is.
class ReadySums {
 public:
  // `fold`: from the rank's slices to its nodes.
  ReadySums(const Plan& plan, const slices::Fold& fold);

  // Where slice `slice` writes its part of `sum`. REQUIRES: no joint layer's sum.
  float* Part(int slice, int sum) { return sums_[sum].parts[slice]; }
  // Where a joint layer writes its nodes of `sum`.
  std::span<float* const> Nodes(int sum) { return sums_[sum].nodes; }

  // Begins a step; `sink` is borrowed until the next.
  void Start(SumSink& sink);

  // One more slice has written its part of `sum`: the last one's thread folds them. Returns the
  // sink's first error, if it had any.
  absl::Status Done(int sum);
  // The nodes of `sum` have been written.
  absl::Status NodesDone(int sum);

 private:
  struct Sum {
    explicit Sum(const slices::Fold& of_rank) : fold(of_rank) {}

    slices::VectorFold fold;
    std::vector<device::FloatBuffer> memory;
    std::vector<float*> nodes;
    std::vector<float*> parts;         // by slice; the first ones below a node lie in its memory
    std::vector<const float*> leaves;  // the same
    size_t size = 0;
    int missing = 0;     // parts in this step; under mutex_
    bool ready = false;  // under mutex_
  };

  void AddParts(Sum& sum);
  absl::Status Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::deque<Sum> sums_;
  std::vector<std::vector<const float*>> told_;  // what the sink is given, by sum

  absl::Mutex mutex_;
  SumSink* sink_ ABSL_GUARDED_BY(mutex_) = nullptr;
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;  // the next to be told
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_READY_SUMS_H_
