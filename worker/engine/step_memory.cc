// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/step_memory.h"

namespace hebb::engine {

StepMemory::StepMemory(const Plan& plan, int64_t max_rows)
    : plan_(plan),
      max_rows_(max_rows),
      ids_(max_rows),
      labels_(max_rows),
      image_(max_rows * plan.image.size()),
      scratch_(max_rows * plan.scratch) {
  for (const PlannedLayer& planned : plan.layers) {
    outputs_.emplace_back(max_rows * planned.resolved.output.size());
  }
  for (int64_t floats : plan.delta_slots) deltas_.emplace_back(max_rows * floats);
}

}  // namespace hebb::engine
