// SPDX-License-Identifier: Apache-2.0
// What is settled about a network before any number is computed: its layers in order, which of them
// own matrices, where errors flow, and which memory outputs and deltas live in (plan_memory.h).
#ifndef HEBB_WORKER_ENGINE_PLAN_H_
#define HEBB_WORKER_ENGINE_PLAN_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/engine/engine.h"
#include "worker/nn/conv_kernels.h"
#include "worker/rules/rule.h"

namespace hebb::engine {

// How a layer's delta reaches one of its inputs. Readers send from the last layer to the first, so
// the deltas of an input with several readers add up in that order.
enum class Delivery {
  kNone,      // the input wants no delta: the image, or nothing with weights before it
  kWrite,     // the first to arrive
  kAdd,       // a later one
  kHandOver,  // the input takes over the memory, the values are the same (an add's last input)
};

// A layer's update, as it travels through the sums: the parts one after the other, in floats.
struct UpdateLayout {
  int64_t forward = 0;   // G of W; of batch_norm: of the scale
  int64_t feedback = 0;  // of R, where its increment is another one
  int64_t bias = 0;      // of batch_norm: of the shift
  int64_t total() const { return forward + feedback + bias; }
};

struct PlannedLayer {
  spec::Layer layer;
  spec::ResolvedLayer resolved;
  int parameter = -1;                // index into Plan::parameters
  UpdateLayout update;               // of layers that learn
  int update_sum = -1;               // index into Plan::sums
  int statistics_sum = -1;           // of batch_norm
  bool mirrors = false;              // the update's second part is a mirror's (weight_mirror)
  bool direct = false;               // its delta comes from the output error itself (dfa)
  bool joint = false;                // works on all slices' rows at once (nn/joint_layer.h)
  bool over_batch = false;           // batch_norm: needs its sums within the step
  bool needs_delta = false;          // owns weights, or something before it does
  bool sends_down = false;           // some input wants its delta
  std::vector<Delivery> deliveries;  // one per input
  int delta_slot = -1;
  int output_slot = -1;
  std::vector<int> restores;  // layers whose outputs the way down makes again before this one
};

// Layers [begin, end) that a step passes at one go: one joint layer, or others, each slice on one
// thread. Up the network in this order, down in reverse.
struct Pass {
  int begin = 0;
  int end = 0;
  bool joint = false;
};

// A memory for outputs or for deltas. Slices are not in step with each other, so each has rows of
// its own; what lives within one pass needs memory only for the slices under way, one to a thread.
// A delta that joint layers touch has one for itself (with what it hands over), so that the rows of
// all slices make one matrix; every output of kind kOfSlice has one for itself.
struct MemorySlot {
  enum class Kind { kOfThread, kOfSlice, kJoint };
  int64_t floats = 0;  // per row
  Kind kind = Kind::kOfSlice;
};

struct Plan {
  std::vector<PlannedLayer> layers;
  std::vector<Pass> passes;
  std::vector<ParameterInfo> parameters;
  std::vector<SumInfo> sums;     // in the order in which they start
  bool after_update = false;     // a layer's sum is needed before the error goes on below it
  float saturated_feedback = 0;  // b > 0: what passes down through B is clip(b x, -1, 1)
  bool direct = false;           // errors do not pass from layer to layer (dfa)
  bool bf16 = false;             // products of tied convolutions and dense layers in bfloat16
  spec::Shape image;
  int64_t classes = 0;
  std::vector<MemorySlot> delta_slots;
  std::vector<MemorySlot> output_slots;
  MemorySlot scratch = {0, MemorySlot::Kind::kOfThread};  // for arrivals that are added to others

  // Whether the layer's output is there to the end of the step.
  bool keeps_output(int layer) const {
    return output_slots[layers[layer].output_slot].kind == MemorySlot::Kind::kOfSlice;
  }
};

// The largest slope that the layer's activation has.
double SteepestSlope(const spec::LayerOp& op);

nn::ConvShape ConvShapeOf(const spec::Conv& conv, const spec::ResolvedLayer& resolved);

// The rule that a layer follows; the last may follow another than the rest.
std::unique_ptr<rules::Rule> RuleOfLayer(const spec::Learning& learning, bool last);

// INVALID_ARGUMENT: the network is impossible (spec::ResolveNetwork).
absl::StatusOr<Plan> MakePlan(const spec::Job& job, const spec::DatasetFacts& facts);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_PLAN_H_
