// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/plan_memory.h"

#include <algorithm>
#include <variant>
#include <vector>

#include "worker/nn/activation.h"

namespace hebb::engine {
namespace {

// Hands out memories and takes them back, so that few are needed and those stay in the cache.
class SlotPool {
 public:
  using Kind = MemorySlot::Kind;
  explicit SlotPool(std::vector<MemorySlot>& slots) : slots_(slots) {}

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
  std::vector<MemorySlot>& slots_;
  std::vector<int> free_;
};

// The number of each layer's pass.
std::vector<int> PassOfLayers(const Plan& plan) {
  std::vector<int> pass_of(plan.layers.size());
  for (int p = 0; p < static_cast<int>(plan.passes.size()); ++p) {
    for (int i = plan.passes[p].begin; i < plan.passes[p].end; ++i) pass_of[i] = p;
  }
  return pass_of;
}

bool IsUntied(const spec::LayerOp& op) {
  const auto* conv = std::get_if<spec::Conv>(&op);
  return conv != nullptr && conv->untied;
}

// ---- outputs -----------------------------------------------------------------------------------

// Whether the way down reads a layer's inputs, and its output.
struct ReadsOnWayDown {
  bool input = false;
  bool output = false;
};

bool GateReadsOutput(spec::Activation activation) {
  return activation != spec::Activation::kNone && !nn::NeedsGateRecord(activation);
}

struct ReadsOfOp {
  ReadsOnWayDown operator()(const spec::Conv& conv) const {
    return {true, GateReadsOutput(conv.activation)};
  }
  ReadsOnWayDown operator()(const spec::Dense& dense) const {
    return {true, GateReadsOutput(dense.activation)};
  }
  ReadsOnWayDown operator()(const spec::BatchNorm& norm) const {
    return {true, GateReadsOutput(norm.activation)};
  }
  ReadsOnWayDown operator()(const spec::Add& add) const {
    return {false, GateReadsOutput(add.activation)};
  }
  ReadsOnWayDown operator()(const spec::MaxPool& pool) const {
    const bool compares = pool.ties != spec::Ties::kFirst;
    return {compares, compares};
  }
  ReadsOnWayDown operator()(const spec::Dropout&) const { return {false, true}; }
  ReadsOnWayDown operator()(const spec::AvgPool&) const { return {}; }
  ReadsOnWayDown operator()(const spec::GlobalAvgPool&) const { return {}; }
};

ReadsOnWayDown ReadsOf(const PlannedLayer& planned) {
  if (!planned.needs_delta) return {};  // the way down ends above it
  return std::visit(ReadsOfOp{}, planned.layer.op);
}

// Who reads a layer's output.
struct Readers {
  int last = -1;           // on the way up
  int first_down = -1;     // on the way down, the layer's own gate among them
  bool elsewhere = false;  // some are in another pass, or outside (the loss)
};

std::vector<Readers> FindReaders(const Plan& plan, const std::vector<int>& pass_of) {
  std::vector<Readers> readers(plan.layers.size());
  readers.back().elsewhere = true;
  for (int i = 0; i < static_cast<int>(plan.layers.size()); ++i) {
    const ReadsOnWayDown reads = ReadsOf(plan.layers[i]);
    if (reads.output) readers[i].first_down = i;
    for (int input : plan.layers[i].resolved.inputs) {
      if (input < 0) continue;
      readers[input].last = i;
      if (reads.input) readers[input].first_down = i;
      readers[input].elsewhere |= pass_of[input] != pass_of[i];
    }
  }
  return readers;
}

// Whether the layer's Forward on the way down gives the same again, at the price of a look at its
// input, which is there.
bool CanBeRestored(const Plan& plan, const PlannedLayer& planned) {
  const int input = planned.resolved.inputs.front();
  return planned.over_batch && !plan.direct && (input < 0 || plan.keeps_output(input));
}

void PlanOutputs(const std::vector<int>& pass_of, Plan& plan) {
  using Kind = MemorySlot::Kind;
  const std::vector<Readers> readers = FindReaders(plan, pass_of);
  SlotPool of_thread(plan.output_slots);
  for (int i = 0; i < static_cast<int>(plan.layers.size()); ++i) {
    PlannedLayer& planned = plan.layers[i];
    const int64_t floats = planned.resolved.output.size();
    const bool read_down = readers[i].first_down >= 0;
    if (readers[i].elsewhere || (read_down && !CanBeRestored(plan, planned))) {
      planned.output_slot = static_cast<int>(plan.output_slots.size());
      plan.output_slots.push_back({floats, Kind::kOfSlice});
    } else {
      planned.output_slot = of_thread.Take(floats, Kind::kOfThread);
      if (read_down) plan.layers[readers[i].first_down].restores.push_back(i);
    }
    for (int input = 0; input < i; ++input) {
      if (readers[input].last != i || plan.keeps_output(input)) continue;
      of_thread.Return(plan.layers[input].output_slot);
    }
  }
}

// ---- deltas ------------------------------------------------------------------------------------

// The kind of memory for each layer's delta.
std::vector<MemorySlot::Kind> DeltaKinds(const Plan& plan, const std::vector<int>& pass_of) {
  using Kind = MemorySlot::Kind;
  const int layers = static_cast<int>(plan.layers.size());
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
  if (inputs[i] < 0 || !IsUntied(plan.layers[inputs[i]].layer.op)) return false;
  return std::any_of(inputs.begin(), inputs.end(), [&](int other) {
    return other != inputs[i] && other >= 0 && DependsOn(plan, other, inputs[i]);
  });
}

// Decides the deliveries of layer `index` to its inputs, and their slots.
void PlanDeliveries(Plan& plan, int index, bool drop_skips,
                    const std::vector<MemorySlot::Kind>& kinds, SlotPool& slots) {
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
      if (!is_add) {
        plan.scratch.floats = std::max(plan.scratch.floats, input.resolved.output.size());
        if (planned.joint) plan.scratch.kind = MemorySlot::Kind::kOfSlice;  // all rows at once
      }
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

void PlanDeltas(const spec::Learning& learning, const std::vector<int>& pass_of, Plan& plan) {
  const bool drop_skips = learning.rule_options.skip_gradient == spec::SkipGradient::kDropped;
  SlotPool slots(plan.delta_slots);
  const std::vector<MemorySlot::Kind> kinds = DeltaKinds(plan, pass_of);
  plan.layers.back().delta_slot =
      slots.Take(plan.layers.back().resolved.output.size(), kinds.back());
  const int output_slot = plan.layers.back().delta_slot;
  for (int i = static_cast<int>(plan.layers.size()) - 1; i >= 0; --i) {
    if (plan.layers[i].needs_delta) PlanDeliveries(plan, i, drop_skips, kinds, slots);
    // The output error is read to the end of the backward pass.
    if (plan.direct && i + 1 == static_cast<int>(plan.layers.size())) slots.Keep(output_slot);
  }
}

}  // namespace

void PlanMemory(const spec::Learning& learning, Plan& plan) {
  const std::vector<int> pass_of = PassOfLayers(plan);
  PlanOutputs(pass_of, plan);
  PlanDeltas(learning, pass_of, plan);
}

}  // namespace hebb::engine
