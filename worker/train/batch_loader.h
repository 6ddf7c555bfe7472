// SPDX-License-Identifier: Apache-2.0
// This rank's samples of each step, slice by slice.
#ifndef HEBB_WORKER_TRAIN_BATCH_LOADER_H_
#define HEBB_WORKER_TRAIN_BATCH_LOADER_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "worker/comm/communicator.h"
#include "worker/engine/engine.h"
#include "worker/slices/slice_tree.h"
#include "worker/train/run_plan.h"

namespace hebb::train {

// How a batch is cut among the ranks and within one. With `slices: 0` a rank has one part of the
// batch, cut once more into a slice per thread.
struct SliceLayout {
  int slices = 0;  // data_parallel.slices
  comm::Topology topology;
  int threads = 1;

  // The tree over slices, and which of its leaves are this rank's. With `slices: 0` each rank has a
  // tree of its own.
  int tree_slices() const { return slices > 0 ? slices : threads; }
  slices::SliceRange owned() const;
  int local_slices() const { return owned().size(); }
  // [begin, end) within a batch of `rows` of this rank's slice `local`.
  std::pair<int64_t, int64_t> Rows(int64_t rows, int local) const;
};

struct Batch {
  int64_t rows = 0;      // of all ranks
  int64_t own_rows = 0;  // of this one
  std::span<const std::span<const engine::Sample>> slices;
};

// One thread at a time. Allocates nothing after the first epoch's first step.
class BatchLoader {
 public:
  // `plan` and `stage` are borrowed. REQUIRES: topology.size <= slices, or slices == 0.
  BatchLoader(const RunPlan& plan, const Stage& stage, const SliceLayout& layout)
      : plan_(plan), stage_(stage), layout_(layout) {}

  // The samples of the step after `step` steps, valid until the next call. REQUIRES: it is of the
  // stage.
  Batch Load(int64_t step);

 private:
  const RunPlan& plan_;
  const Stage& stage_;
  const SliceLayout layout_;
  int64_t order_epoch_ = -1;
  std::vector<int64_t> order_;  // of order_epoch_
  std::vector<engine::Sample> samples_;
  std::vector<std::span<const engine::Sample>> slices_;
};

}  // namespace hebb::train

#endif  // HEBB_WORKER_TRAIN_BATCH_LOADER_H_
