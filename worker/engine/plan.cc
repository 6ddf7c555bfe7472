// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/plan.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/status_macros.h"
#include "worker/nn/untied_layer.h"

namespace hebb::engine {
namespace {

// Hands out memories for deltas and takes them back, so that few are needed and those stay in the
// cache.
class SlotPool {
 public:
  using Kind = DeltaSlot::Kind;
  explicit SlotPool(std::vector<DeltaSlot>& slots) : slots_(slots) {}

  int Take(int64_t floats, Kind kind) {
    const auto fits_better = [&](int a, int b) {
      const bool a_kind = slots_[a].kind == kind, b_kind = slots_[b].kind == kind;
      if (a_kind != b_kind) return a_kind;
      const int64_t a_size = slots_[a].floats, b_size = slots_[b].floats;
      const bool a_fits = a_size >= floats, b_fits = b_size >= floats;
      if (a_fits != b_fits) return a_fits;
      return a_fits ? a_size < b_size : a_size > b_size;
    };
    const auto best = std::min_element(free_.begin(), free_.end(), fits_better);
    if (best == free_.end() || slots_[*best].kind != kind) {
      slots_.push_back({floats, kind});
      return static_cast<int>(slots_.size()) - 1;
    }
    const int slot = *best;
    free_.erase(best);
    slots_[slot].floats = std::max(slots_[slot].floats, floats);
    return slot;
  }

  void Return(int slot) {
    if (slots_[slot].kind != Kind::kJoint) free_.push_back(slot);
  }
  // Takes back a return: the memory is in use to the end.
  void Keep(int slot) { std::erase(free_, slot); }

 private:
  std::vector<DeltaSlot>& slots_;
  std::vector<int> free_;
};

bool IsNorm(const PlannedLayer& planned) {
  return std::holds_alternative<spec::BatchNorm>(planned.layer.op);
}

const spec::Conv* UntiedConv(const spec::LayerOp& op) {
  const auto* conv = std::get_if<spec::Conv>(&op);
  return conv != nullptr && conv->untied ? conv : nullptr;
}

std::vector<int64_t> CanonicalShape(const PlannedLayer& planned) {
  const spec::ResolvedLayer& r = planned.resolved;
  if (IsNorm(planned)) return {r.output.channels};
  if (const auto* conv = std::get_if<spec::Conv>(&planned.layer.op)) {
    std::vector<int64_t> shape = {conv->filters, r.input.channels, conv->kernel, conv->kernel};
    if (conv->untied) shape.insert(shape.begin(), {r.output.height, r.output.width});
    return shape;
  }
  return {r.output.channels, r.input.size()};
}

bool HasBias(const spec::LayerOp& op) {
  const auto* conv = std::get_if<spec::Conv>(&op);
  const auto* dense = std::get_if<spec::Dense>(&op);
  return (conv != nullptr && conv->bias) || (dense != nullptr && dense->bias);
}

UpdateLayout LayoutOf(const PlannedLayer& planned, int64_t size, bool own_feedback_part) {
  if (IsNorm(planned)) return {.forward = size, .bias = size};
  UpdateLayout layout{.forward = size, .feedback = own_feedback_part ? size : 0};
  if (HasBias(planned.layer.op)) {
    const spec::Shape& output = planned.resolved.output;
    layout.bias = UntiedConv(planned.layer.op) != nullptr ? output.size() : output.channels;
  }
  return layout;
}

void AddParameter(Plan& plan, int index, const spec::Job& job) {
  PlannedLayer& planned = plan.layers[index];
  const spec::Learning& learning = job.learning;
  const bool last = index + 1 == static_cast<int>(job.network.layers.size());
  const std::unique_ptr<rules::Rule> rule = RuleOfLayer(learning, last);
  ParameterInfo info;
  info.layer = planned.layer.name;
  info.layer_index = index;
  info.shape = CanonicalShape(planned);
  info.size = 1;
  for (int64_t extent : info.shape) info.size *= extent;
  if (const spec::Conv* untied = UntiedConv(planned.layer.op)) {
    info.size = nn::UntiedSize(ConvShapeOf(*untied, planned.resolved));
  }
  info.has_feedback = !IsNorm(planned) && rule->keeps_feedback();
  planned.direct = info.has_feedback && rule->carrier() == rules::Carrier::kDirect;
  planned.mirrors = !IsNorm(planned) && rule->mirrors();
  const bool asymmetric = learning.rule_options.asymmetric && rule->updates_feedback();
  planned.update = LayoutOf(planned, info.size, asymmetric || planned.mirrors);
  planned.parameter = static_cast<int>(plan.parameters.size());
  plan.parameters.push_back(std::move(info));
}

// The sums in the order of a step: statistics on the way up, updates on the way down.
void PlanSums(Plan& plan) {
  const auto add = [&plan](const std::string& name, int64_t size) {
    plan.sums.push_back({name, size});
    return static_cast<int>(plan.sums.size()) - 1;
  };
  for (PlannedLayer& planned : plan.layers) {
    const auto* norm = std::get_if<spec::BatchNorm>(&planned.layer.op);
    if (norm == nullptr) continue;
    planned.statistics_sum = add(planned.layer.name, 2 * planned.resolved.output.channels);
    planned.over_batch = norm->statistics == spec::Statistics::kBatch;
  }
  for (auto planned = plan.layers.rbegin(); planned != plan.layers.rend(); ++planned) {
    if (planned->parameter < 0) continue;
    planned->update_sum = add(planned->layer.name, planned->update.total());
    plan.parameters[planned->parameter].sum = planned->update_sum;
  }
}

void PlanPasses(Plan& plan) {
  for (int i = 0; i < static_cast<int>(plan.layers.size()); ++i) {
    const PlannedLayer& planned = plan.layers[i];
    const bool begins = plan.passes.empty() || plan.passes.back().joint || planned.joint ||
                        planned.over_batch || plan.after_update;
    if (begins) plan.passes.push_back({i, i, planned.joint});
    plan.passes.back().end = i + 1;
  }
}

// The kind of memory for each layer's delta.
std::vector<DeltaSlot::Kind> DeltaKinds(const Plan& plan) {
  using Kind = DeltaSlot::Kind;
  const int layers = static_cast<int>(plan.layers.size());
  std::vector<int> pass_of(layers);
  for (int p = 0; p < static_cast<int>(plan.passes.size()); ++p) {
    for (int i = plan.passes[p].begin; i < plan.passes[p].end; ++i) pass_of[i] = p;
  }
  std::vector<Kind> kinds(layers, Kind::kOfThread);
  const auto raise = [&kinds](int layer, Kind kind) {
    kinds[layer] = std::max(kinds[layer], kind);
  };
  raise(layers - 1, Kind::kOfSlice);  // the loss writes it, or (dfa) all read it
  for (int i = 0; i < layers; ++i) {
    const PlannedLayer& planned = plan.layers[i];
    if (planned.joint) raise(i, Kind::kJoint);
    // It waits for its sum, and may go on on another thread.
    if (planned.over_batch || plan.after_update) raise(i, Kind::kOfSlice);
    for (int input : planned.resolved.inputs) {
      if (input < 0) continue;
      if (planned.joint) raise(input, Kind::kJoint);
      if (pass_of[input] != pass_of[i]) raise(input, Kind::kOfSlice);
    }
  }
  // An add and its last input may share one memory (kHandOver), and so on along chains of adds.
  const auto share = [&](int i) {
    const int last = plan.layers[i].resolved.inputs.back();
    if (!std::holds_alternative<spec::Add>(plan.layers[i].layer.op) || last < 0) return;
    kinds[i] = kinds[last] = std::max(kinds[i], kinds[last]);
  };
  for (int i = 0; i < layers; ++i) share(i);
  for (int i = layers - 1; i >= 0; --i) share(i);
  return kinds;
}

// Whether `reader` takes in what `layer` puts out, directly or through others.
bool DependsOn(const Plan& plan, int reader, int layer) {
  if (reader < layer) return false;
  if (reader == layer) return true;
  const std::vector<int>& inputs = plan.layers[reader].resolved.inputs;
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](int input) { return input >= 0 && DependsOn(plan, input, layer); });
}

// skip_gradient: dropped: input `i` of an add is the untied first layer of a block that ends in
// another of its inputs (paper.md 7).
bool IsDroppedSkip(const Plan& plan, const PlannedLayer& add, size_t i) {
  const std::vector<int>& inputs = add.resolved.inputs;
  if (inputs[i] < 0 || UntiedConv(plan.layers[inputs[i]].layer.op) == nullptr) return false;
  return std::any_of(inputs.begin(), inputs.end(), [&](int other) {
    return other != inputs[i] && other >= 0 && DependsOn(plan, other, inputs[i]);
  });
}

// Decides the deliveries of layer `index` to its inputs, and their slots.
void PlanDeliveries(Plan& plan, int index, bool drop_skips,
                    const std::vector<DeltaSlot::Kind>& kinds, SlotPool& slots) {
  PlannedLayer& planned = plan.layers[index];
  const std::vector<int>& inputs = planned.resolved.inputs;
  const bool is_add = std::holds_alternative<spec::Add>(planned.layer.op);
  bool handed_over = false;
  planned.deliveries.assign(inputs.size(), Delivery::kNone);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 0 || !plan.layers[inputs[i]].needs_delta) continue;
    if (drop_skips && is_add && IsDroppedSkip(plan, planned, i)) continue;
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
      input.delta_slot = slots.Take(input.resolved.output.size(), kinds[inputs[i]]);
    }
  }
  if (!handed_over) slots.Return(planned.delta_slot);
}

}  // namespace

nn::ConvShape ConvShapeOf(const spec::Conv& conv, const spec::ResolvedLayer& resolved) {
  return {resolved.input,      resolved.output,    conv.kernel,
          resolved.pad_before, resolved.pad_after, conv.stride};
}

std::unique_ptr<rules::Rule> RuleOfLayer(const spec::Learning& learning, bool last) {
  // The last layer needs no R of its own where errors do not pass through it, or pass through W.
  const bool plain = last && (learning.rule == spec::Rule::kDfa ||
                              learning.rule_options.last_layer == spec::LastLayer::kBp);
  return rules::MakeRule(plain ? spec::Rule::kBp : learning.rule, learning.rule_options);
}

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
    planned.joint = std::holds_alternative<spec::Dense>(planned.layer.op) ||
                    UntiedConv(planned.layer.op) != nullptr;
    for (int input : planned.resolved.inputs) {
      planned.needs_delta |= input >= 0 && plan.layers[input].needs_delta;
    }
    plan.layers.push_back(std::move(planned));
    if (plan.layers.back().resolved.has_weights) AddParameter(plan, static_cast<int>(i), job);
  }
  // Binary cross-entropy and a last sigmoid are one function of the field (nn/loss.h).
  auto* last = std::get_if<spec::Dense>(&plan.layers.back().layer.op);
  if (std::holds_alternative<spec::BinaryCrossEntropy>(job.learning.loss) && last != nullptr &&
      last->activation == spec::Activation::kSigmoid) {
    last->activation = spec::Activation::kNone;
  }
  plan.after_update = job.learning.propagate == spec::Propagate::kAfterUpdate;
  PlanSums(plan);
  PlanPasses(plan);
  plan.saturated_feedback = static_cast<float>(job.learning.rule_options.saturated_feedback);
  plan.direct = job.learning.rule == spec::Rule::kDfa;
  plan.bf16 = job.learning.precision == spec::Precision::kBf16;
  const bool drop_skips = job.learning.rule_options.skip_gradient == spec::SkipGradient::kDropped;
  SlotPool slots(plan.delta_slots);
  const std::vector<DeltaSlot::Kind> kinds = DeltaKinds(plan);
  plan.layers.back().delta_slot =
      slots.Take(plan.layers.back().resolved.output.size(), kinds.back());
  const int output_slot = plan.layers.back().delta_slot;
  for (int i = static_cast<int>(plan.layers.size()) - 1; i >= 0; --i) {
    if (plan.layers[i].needs_delta) PlanDeliveries(plan, i, drop_skips, kinds, slots);
    // The output error is read to the end of the backward pass.
    if (plan.direct && i + 1 == static_cast<int>(plan.layers.size())) slots.Keep(output_slot);
  }
  return plan;
}

}  // namespace hebb::engine
