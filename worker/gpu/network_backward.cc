// SPDX-License-Identifier: Apache-2.0
// A network's way down: gates, local updates, and how deltas reach the layers below.
#include <variant>

#include "common/random.h"
#include "worker/gpu/network.h"

namespace hebb::gpu {

using kernels::Index;

bool Network::BeginBackward(int layer, bool direct) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  if (!planned.needs_delta || (direct && planned.parameter < 0)) return false;
  if (direct && planned.direct) DirectDelta(layer);
  return true;
}

// The output's error itself, through the layer's own R: [class][unit].
void Network::DirectDelta(int layer) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  const int64_t classes = parts_.plan.classes, units = Units(layer);
  const float* errors = deltas_[parts_.plan.layers.back().delta_slot];
  const float* feedback = parts_.weights[planned.parameter]->direct_feedback();
  for (int slice = 0; slice < rows_.slices(); ++slice) {
    if (rows_.of_slice(slice) == 0) continue;
    const int64_t first = rows_.offsets[slice];
    work_.Multiply({.m = rows_.of_slice(slice),
                    .n = units,
                    .k = classes,
                    .a = errors + first * classes,
                    .b = feedback,
                    .c = deltas_[planned.delta_slot] + first * units});
  }
}

// A look shows deltas, a step needs d alone.
bool Network::GatedAbove(int layer) const { return is_step_ && gated_above_[layer] != 0; }

// Deltas that one layer alone sends, which can take the gate along: one pass over them less.
void Network::PlanGates() {
  const engine::Plan& plan = parts_.plan;
  gated_above_.assign(plan.layers.size(), 0);
  if (plan.direct) return;  // nothing is sent
  std::vector<int> senders(plan.layers.size());
  for (size_t layer = 0; layer < plan.layers.size(); ++layer) {
    const engine::PlannedLayer& planned = plan.layers[layer];
    for (size_t i = 0; i < planned.deliveries.size(); ++i) {
      if (planned.deliveries[i] == engine::Delivery::kNone) continue;
      const int to = planned.resolved.inputs[i];
      ++senders[to];
      gated_above_[to] = senders[to] == 1 && planned.deliveries[i] == engine::Delivery::kWrite &&
                         layers_[layer]->gates_inputs();
    }
  }
}

void Network::Gate(int layer) {
  if (GatedAbove(layer)) return;
  layers_[layer]->Gate(rows_, TraceOf(layer), deltas_[parts_.plan.layers[layer].delta_slot]);
}

void Network::Update(int layer) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  const engine::UpdateLayout& layout = planned.update;
  const float* d = deltas_[planned.delta_slot];
  const Trace trace = TraceOf(layer);
  const int sum = planned.update_sum;
  if (NormLayer* const of_norm = norm(layer); of_norm != nullptr) {
    of_norm->NormUpdate(rows_, trace, d, PlaceOf(sum));
    return current_->Fold(sum, 0, layout.total(), work_);
  }
  Layer& weighted = *layers_[layer];
  weighted.WeightUpdate(rows_, trace, d, PlaceOf(sum));
  const bool positive = layout.feedback > 0 && !planned.mirrors;
  if (positive) weighted.PositiveUpdate(rows_, trace, d, PlaceOf(sum, layout.forward));
  const int64_t bias = layout.forward + layout.feedback;
  if (layout.bias > 0) {
    weighted.BiasUpdate(rows_, d, PlaceOf(sum, bias));
    current_->Fold(sum, bias, layout.bias, work_);
  }
  if (weighted.folds_itself()) return;
  current_->Fold(sum, 0, positive ? bias : layout.forward, work_);
}

void Network::UpdateMirror(int layer) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  const int64_t units = planned.resolved.input.size(), mirror = planned.update.forward;
  const auto low = static_cast<uint32_t>(parts_.seed);
  const auto high = static_cast<uint32_t>(parts_.seed >> 32);
  const kernels::Stream stream = {
      low, high,
      static_cast<uint32_t>(RandomPurpose::kMirror) << 24 | static_cast<uint32_t>(layer)};
  work_.Launch(kernels::Noise{noise_, rows_.ids, parts_.step, stream, parts_.mirror_noise,
                              static_cast<Index>(units)},
               rows_.count() * units);
  const float* const input = noise_;
  const Trace trace = {{&input, 1}, response_};
  layers_[layer]->Forward(rows_, trace);
  layers_[layer]->WeightUpdate(rows_, trace, response_, PlaceOf(planned.update_sum, mirror));
  if (layers_[layer]->folds_itself()) return;
  current_->Fold(planned.update_sum, mirror, planned.update.feedback, work_);
}

void Network::TakeUpdate(int layer, const float* update) { norm(layer)->TakeUpdate(rows_, update); }

void Network::FollowRunning(int layer, const float* sums, float* mean, float* variance) {
  norm(layer)->FollowRunning(rows_, sums, mean, variance);
}

void Network::SendDown(int layer, bool saturates) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  if (!planned.sends_down) return;
  for (size_t i = 0; i < planned.deliveries.size(); ++i) {
    Deliver(layer, static_cast<int>(i), saturates);
  }
}

void Network::Deliver(int layer, int input, bool saturates) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  const engine::Delivery delivery = planned.deliveries[input];
  if (delivery == engine::Delivery::kNone || delivery == engine::Delivery::kHandOver) return;
  const int to = planned.resolved.inputs[input];
  float* const target = deltas_[parts_.plan.layers[to].delta_slot];
  if (delivery == engine::Delivery::kWrite) return PassDown(layer, input, saturates, target);
  const float* arrival = deltas_[planned.delta_slot];
  if (!layers_[layer]->passes_delta()) {
    PassDown(layer, input, saturates, arrivals_);
    arrival = arrivals_;
  }
  work_.Launch(kernels::Sum{target, arrival, target}, rows_.count() * Units(to));
}

void Network::PassDown(int layer, int input, bool saturates, float* arrival) {
  const engine::PlannedLayer& planned = parts_.plan.layers[layer];
  const int to = planned.resolved.inputs[input];
  const kernels::GatedDelta input_delta =
      GatedAbove(to) ? layers_[to]->Gated(TraceOf(to), arrival) : kernels::GatedDelta{arrival};
  layers_[layer]->Backward(rows_, TraceOf(layer), deltas_[planned.delta_slot], input, input_delta);
  const bool through_matrix = planned.parameter >= 0 && planned.statistics_sum < 0;
  if (!saturates || parts_.plan.saturated_feedback <= 0 || !through_matrix) return;
  work_.Launch(kernels::Saturate{parts_.plan.saturated_feedback, arrival},
               rows_.count() * planned.resolved.input.size());
}

std::vector<float> Network::ReadDelta(int layer) {
  std::vector<float> values(rows_.count() * Units(layer));
  work_.Download(deltas_[parts_.plan.layers[layer].delta_slot], std::span(values));
  return values;
}

std::vector<float> Network::ReadSlopes(int layer) {
  std::vector<float> slopes(rows_.count() * Units(layer), 1.0f);
  float* const room = deltas_[parts_.plan.layers[layer].delta_slot];
  work_.Upload(std::span<const float>(slopes), room);
  layers_[layer]->Gate(rows_, TraceOf(layer), room);
  work_.Download(room, std::span(slopes));
  return slopes;
}

}  // namespace hebb::gpu
