// SPDX-License-Identifier: Apache-2.0
// Where the activations and deltas of a step lie: of a layer the rows of all of the rank's slices,
// one slice after the other, so that a slice finds its rows and a joint layer all of them; or those
// of the slice that a thread is at work on (plan_memory.h).
#ifndef HEBB_WORKER_ENGINE_STEP_MEMORY_H_
#define HEBB_WORKER_ENGINE_STEP_MEMORY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "worker/device/aligned_buffer.h"
#include "worker/engine/plan.h"

namespace hebb::engine {

// Constant after construction but for the numbers; blocks of rows may be used by several threads.
class StepMemory {
 public:
  // `slice_rows`: of the largest slice. Borrows the plan. Throws std::bad_alloc.
  StepMemory(const Plan& plan, int64_t max_rows, int threads, int64_t slice_rows);

  int64_t max_rows() const { return max_rows_; }

  float* image(int64_t row) { return image_.data() + row * plan_.image.size(); }
  // Of the rows of a block that begins at `row` and is at work on `thread`: they follow each other
  // from there on.
  float* output(int layer, int64_t row, int thread) {
    const int slot = plan_.layers[layer].output_slot;
    return Rows(plan_.output_slots[slot], outputs_[slot], row, thread);
  }
  float* delta(int layer, int64_t row, int thread) {
    const int slot = plan_.layers[layer].delta_slot;
    return Rows(plan_.delta_slots[slot], deltas_[slot], row, thread);
  }
  float* scratch(int64_t row, int thread) { return Rows(plan_.scratch, scratch_, row, thread); }

  // The samples in the rows: their numbers, which key every random draw, and their labels.
  void SetSample(int64_t row, int64_t id, int32_t label) {
    ids_[row] = id;
    labels_[row] = label;
  }
  std::span<const int64_t> ids(int64_t row, int64_t rows) const {
    return std::span(ids_).subspan(static_cast<size_t>(row), static_cast<size_t>(rows));
  }
  std::span<const int32_t> labels(int64_t row, int64_t rows) const {
    return std::span(labels_).subspan(static_cast<size_t>(row), static_cast<size_t>(rows));
  }

 private:
  device::FloatBuffer Make(const MemorySlot& slot, int threads) const;
  float* Rows(const MemorySlot& slot, device::FloatBuffer& memory, int64_t row, int thread) const {
    const bool of_thread = slot.kind == MemorySlot::Kind::kOfThread;
    return memory.data() + (of_thread ? thread * slice_rows_ : row) * slot.floats;
  }

  const Plan& plan_;
  const int64_t max_rows_;
  const int64_t slice_rows_;
  std::vector<int64_t> ids_;
  std::vector<int32_t> labels_;
  device::FloatBuffer image_;
  std::vector<device::FloatBuffer> outputs_;  // by slot
  std::vector<device::FloatBuffer> deltas_;   // by slot
  device::FloatBuffer scratch_;               // for arrivals that are added to others
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_STEP_MEMORY_H_
