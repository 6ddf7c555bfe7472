// SPDX-License-Identifier: Apache-2.0
// What is settled about a network before any number is computed: its layers in order, which of them
// own matrices, where errors flow, and which memory a delta lives in.
#ifndef HEBB_WORKER_ENGINE_PLAN_H_
#define HEBB_WORKER_ENGINE_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/engine/engine.h"

namespace hebb::engine {

// How a layer's delta reaches one of its inputs. Readers send from the last layer to the first, so
// the deltas of an input with several readers add up in that order.
enum class Delivery {
  kNone,      // the input wants no delta: the image, or nothing with weights before it
  kWrite,     // the first to arrive
  kAdd,       // a later one
  kHandOver,  // the input takes over the memory, the values are the same (an add's last input)
};

struct PlannedLayer {
  spec::Layer layer;
  spec::ResolvedLayer resolved;
  int parameter = -1;                // index into Plan::parameters
  bool needs_delta = false;          // owns weights, or something before it does
  bool sends_down = false;           // some input wants its delta
  std::vector<Delivery> deliveries;  // one per input
  int delta_slot = -1;
};

struct Plan {
  std::vector<PlannedLayer> layers;
  std::vector<ParameterInfo> parameters;
  spec::Shape image;
  int64_t classes = 0;
  std::vector<int64_t> delta_slots;  // floats per row of each memory for deltas
  int64_t scratch = 0;               // floats per row of the memory for later arrivals
};

// INVALID_ARGUMENT: the network is impossible (spec::ResolveNetwork).
absl::StatusOr<Plan> MakePlan(const spec::Job& job, const spec::DatasetFacts& facts);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_PLAN_H_
