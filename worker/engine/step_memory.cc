// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/step_memory.h"

namespace hebb::engine {

StepMemory::StepMemory(const Plan& plan, int64_t max_rows, int threads, int64_t slice_rows)
    : plan_(plan),
      max_rows_(max_rows),
      slice_rows_(slice_rows),
      ids_(max_rows),
      labels_(max_rows),
      image_(max_rows * plan.image.size()),
      scratch_(Make(plan.scratch, threads)) {
  for (const MemorySlot& slot : plan.output_slots) outputs_.push_back(Make(slot, threads));
  for (const MemorySlot& slot : plan.delta_slots) deltas_.push_back(Make(slot, threads));
}

device::FloatBuffer StepMemory::Make(const MemorySlot& slot, int threads) const {
  const bool of_thread = slot.kind == MemorySlot::Kind::kOfThread;
  return device::FloatBuffer((of_thread ? threads * slice_rows_ : max_rows_) * slot.floats);
}

}  // namespace hebb::engine
