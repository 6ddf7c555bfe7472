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
      scratch_(max_rows * plan.scratch) {
  for (const PlannedLayer& planned : plan.layers) {
    outputs_.emplace_back(max_rows * planned.resolved.output.size());
  }
  for (const DeltaSlot& slot : plan.delta_slots) {
    const bool of_thread = slot.kind == DeltaSlot::Kind::kOfThread;
    deltas_.emplace_back((of_thread ? threads * slice_rows : max_rows) * slot.floats);
  }
}

}  // namespace hebb::engine
