// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/plan.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/status_macros.h"

namespace hebb::engine {
namespace {

// Hands out memories for deltas and takes them back, so that few are needed and those stay in the
// cache.
class SlotPool {
 public:
  explicit SlotPool(std::vector<int64_t>& sizes) : sizes_(sizes) {}

  int Take(int64_t floats) {
    const auto fits_better = [&](int a, int b) {
      const bool a_fits = sizes_[a] >= floats, b_fits = sizes_[b] >= floats;
      if (a_fits != b_fits) return a_fits;
      return a_fits ? sizes_[a] < sizes_[b] : sizes_[a] > sizes_[b];
    };
    const auto best = std::min_element(free_.begin(), free_.end(), fits_better);
    if (best == free_.end()) {
      sizes_.push_back(floats);
      return static_cast<int>(sizes_.size()) - 1;
    }
    const int slot = *best;
    free_.erase(best);
    sizes_[slot] = std::max(sizes_[slot], floats);
    return slot;
  }

  void Return(int slot) { free_.push_back(slot); }

 private:
  std::vector<int64_t>& sizes_;
  std::vector<int> free_;
};

std::vector<int64_t> CanonicalShape(const spec::LayerOp& op, const spec::ResolvedLayer& resolved) {
  if (const auto* conv = std::get_if<spec::Conv>(&op)) {
    return {conv->filters, resolved.input.channels, conv->kernel, conv->kernel};
  }
  return {resolved.output.channels, resolved.input.size()};
}

void AddParameter(Plan& plan, int index, bool has_feedback) {
  PlannedLayer& planned = plan.layers[index];
  ParameterInfo info;
  info.layer = planned.layer.name;
  info.layer_index = index;
  info.shape = CanonicalShape(planned.layer.op, planned.resolved);
  info.size = 1;
  for (int64_t extent : info.shape) info.size *= extent;
  info.has_feedback = has_feedback;
  planned.parameter = static_cast<int>(plan.parameters.size());
  plan.parameters.push_back(std::move(info));
}

// Decides the deliveries of layer `index` to its inputs, and their slots.
void PlanDeliveries(Plan& plan, int index, SlotPool& slots) {
  PlannedLayer& planned = plan.layers[index];
  const std::vector<int>& inputs = planned.resolved.inputs;
  const bool is_add = std::holds_alternative<spec::Add>(planned.layer.op);
  bool handed_over = false;
  planned.deliveries.assign(inputs.size(), Delivery::kNone);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 0 || !plan.layers[inputs[i]].needs_delta) continue;
    PlannedLayer& input = plan.layers[inputs[i]];
    planned.sends_down = true;
    if (input.delta_slot >= 0) {
      planned.deliveries[i] = Delivery::kAdd;
      if (!is_add) plan.scratch = std::max(plan.scratch, input.resolved.output.size());
    } else if (is_add && i + 1 == inputs.size()) {
      planned.deliveries[i] = Delivery::kHandOver;
      input.delta_slot = planned.delta_slot;
      handed_over = true;
    } else {
      planned.deliveries[i] = Delivery::kWrite;
      input.delta_slot = slots.Take(input.resolved.output.size());
    }
  }
  if (!handed_over) slots.Return(planned.delta_slot);
}

}  // namespace

absl::StatusOr<Plan> MakePlan(const spec::Job& job, const spec::DatasetFacts& facts) {
  HEBB_ASSIGN_OR_RETURN(std::vector<spec::ResolvedLayer> resolved,
                        spec::ResolveNetwork(job.network, facts));
  Plan plan;
  plan.image = facts.image;
  plan.classes = facts.classes;
  for (size_t i = 0; i < resolved.size(); ++i) {
    PlannedLayer planned;
    planned.layer = job.network.layers[i];
    planned.resolved = std::move(resolved[i]);
    planned.needs_delta = planned.resolved.has_weights;
    for (int input : planned.resolved.inputs) {
      planned.needs_delta |= input >= 0 && plan.layers[input].needs_delta;
    }
    plan.layers.push_back(std::move(planned));
    if (plan.layers.back().resolved.has_weights) {
      AddParameter(plan, static_cast<int>(i), job.learning.rule != spec::Rule::kBp);
    }
  }
  // Binary cross-entropy and a last sigmoid are one function of the field (nn/loss.h).
  auto* last = std::get_if<spec::Dense>(&plan.layers.back().layer.op);
  if (std::holds_alternative<spec::BinaryCrossEntropy>(job.learning.loss) && last != nullptr &&
      last->activation == spec::Activation::kSigmoid) {
    last->activation = spec::Activation::kNone;
  }
  SlotPool slots(plan.delta_slots);
  plan.layers.back().delta_slot = slots.Take(plan.layers.back().resolved.output.size());
  for (int i = static_cast<int>(plan.layers.size()) - 1; i >= 0; --i) {
    if (plan.layers[i].needs_delta) PlanDeliveries(plan, i, slots);
  }
  return plan;
}

}  // namespace hebb::engine
