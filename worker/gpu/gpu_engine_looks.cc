// SPDX-License-Identifier: Apache-2.0
// Looks that change nothing: evaluation, diagnostics, the audit. What is seldom asked is counted on
// the host.
#include <algorithm>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/audit_notes.h"
#include "worker/gpu/gpu_engine.h"

namespace hebb::gpu {
namespace {

using engine::LayerDiagnostics;
using engine::LayerErrors;
using engine::Sample;

double ShareOf(const std::vector<float>& values, auto&& counts) {
  const auto count = std::count_if(values.begin(), values.end(), counts);
  return static_cast<double>(count) / static_cast<double>(values.size());
}

}  // namespace

// `samples` again and again until there are kLookRows of them.
std::vector<Sample> GpuEngine::FilledChunk(std::span<const Sample> samples) {
  std::vector<Sample> chunk(kLookRows);
  for (size_t i = 0; i < chunk.size(); ++i) chunk[i] = samples[i % samples.size()];
  return chunk;
}

absl::StatusOr<std::vector<kernels::RowLoss>> GpuEngine::ForwardChunk(
    const engine::StepContext& context, std::span<const Sample> chunk, bool training,
    int64_t counted, absl::FunctionRef<void(int layer)> look) {
  HEBB_RETURN_IF_ERROR(work_.status());
  SetStep(context);
  HEBB_RETURN_IF_ERROR(
      network_->Begin(context.epoch, {&chunk, 1},
                      training ? Network::Use::kTrainingLook : Network::Use::kEvaluation, counted));
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->PrepareForward();
  network_->LoadImages();
  for (int layer = 0; layer < static_cast<int>(plan_.layers.size()); ++layer) {
    const engine::PlannedLayer& planned = plan_.layers[layer];
    if (training && planned.over_batch) {
      // The chunk is the batch.
      network_->Statistics(layer);
      network_->TakeStatistics(layer, network_->sums().WholeOf(planned.statistics_sum));
    }
    network_->Forward(layer);
    look(layer);
  }
  network_->Loss();
  std::vector<kernels::RowLoss> totals = network_->ReadTotals();
  HEBB_RETURN_IF_ERROR(work_.status());
  return totals;
}

// ---- evaluation --------------------------------------------------------------------------------

absl::StatusOr<engine::SliceTotals> GpuEngine::Evaluate(std::span<const Sample> samples) {
  double loss = 0;
  int64_t correct = 0;
  const engine::StepContext context = {.batch_size = 1};
  while (!samples.empty()) {
    const size_t own = std::min(samples.size(), static_cast<size_t>(kChunkRows));
    std::vector<Sample> chunk(samples.begin(), samples.begin() + static_cast<ptrdiff_t>(own));
    chunk.resize(kChunkRows, chunk.back());
    HEBB_ASSIGN_OR_RETURN(
        const std::vector<kernels::RowLoss> totals,
        ForwardChunk(context, chunk, /*training=*/false, static_cast<int64_t>(own), [](int) {}));
    loss += totals[0].loss;
    correct += totals[0].correct;
    samples = samples.subspan(own);
  }
  return engine::SliceTotals{static_cast<float>(loss), static_cast<float>(correct)};
}

// ---- diagnostics -------------------------------------------------------------------------------

// The delta of every layer that has one.
LayerErrors GpuEngine::BackwardChunk(Signal signal) {
  const bool of_rule = signal == Signal::kOfRule;
  const bool direct = of_rule && plan_.direct;
  LayerErrors errors(plan_.layers.size());
  network_->Loss();  // the last layer's delta anew, for it is turned into d in place
  for (int layer = static_cast<int>(plan_.layers.size()) - 1; layer >= 0; --layer) {
    const engine::PlannedLayer& planned = plan_.layers[layer];
    if (!network_->BeginBackward(layer, direct)) continue;
    errors[layer] = network_->ReadDelta(layer);
    network_->Gate(layer);
    if (planned.statistics_sum >= 0) {  // its backward pass needs the sums of its update
      network_->Update(layer);
      if (planned.over_batch) {
        network_->TakeUpdate(layer, network_->sums().WholeOf(planned.update_sum));
      }
    }
    if (!direct) network_->SendDown(layer, /*saturates=*/of_rule);
  }
  return errors;
}

absl::Status GpuEngine::DiagnoseChunk(const engine::StepContext& context,
                                      std::span<const Sample> chunk, engine::ErrorAngles& angles,
                                      std::vector<LayerDiagnostics>& found) {
  const auto look = [&](int layer) {
    const int parameter = plan_.layers[layer].parameter;
    if (parameter < 0) return;
    LayerDiagnostics& of_layer = found[parameter];
    const auto least =
        static_cast<float>(0.01 * engine::SteepestSlope(plan_.layers[layer].layer.op));
    of_layer.saturated =
        of_layer.saturated.value_or(0) +
        ShareOf(network_->ReadSlopes(layer), [least](float slope) { return slope < least; });
    of_layer.sparsity = of_layer.sparsity.value_or(0) +
                        ShareOf(network_->ReadOutput(layer), [](float x) { return x == 0; });
  };
  HEBB_RETURN_IF_ERROR(ForwardChunk(context, chunk, /*training=*/true, kLookRows, look).status());
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->BorrowForward();
  const LayerErrors gradients = BackwardChunk(Signal::kOfGradient);
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) {
    layer->RenewSignal(context);
    layer->PrepareSignal();
  }
  const LayerErrors errors = BackwardChunk(Signal::kOfRule);
  HEBB_RETURN_IF_ERROR(work_.status());
  for (const engine::ParameterInfo& info : plan_.parameters) {
    angles.Add(info.layer_index, errors[info.layer_index], gradients[info.layer_index]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LayerDiagnostics>> GpuEngine::Diagnose(
    const engine::StepContext& context, std::span<const Sample> samples,
    std::span<const std::span<const float>> sums) {
  HEBB_CHECK(!samples.empty());
  engine::StepContext look = context;
  look.batch_size = kLookRows;
  look.first_of_epoch = false;
  std::vector<LayerDiagnostics> found(plan_.parameters.size());
  engine::ErrorAngles angles(plan_.layers.size());
  const size_t chunks = std::max<size_t>(samples.size() / kLookRows, 1);
  for (size_t c = 0; c < chunks; ++c) {
    const std::vector<Sample> chunk = FilledChunk(samples.subspan(c * kLookRows));
    HEBB_RETURN_IF_ERROR(DiagnoseChunk(look, chunk, angles, found));
  }
  for (size_t p = 0; p < found.size(); ++p) {
    const engine::ParameterInfo& info = plan_.parameters[p];
    found[p].layer = info.layer;
    found[p].error_angle = angles.Degrees(info.layer_index);
    *found[p].saturated /= static_cast<double>(chunks);
    *found[p].sparsity /= static_cast<double>(chunks);
    if (sums.empty()) continue;
    const std::vector<float> sum = weights_[p]->SumToHost(sums[info.sum].data());
    found[p].forward_update_norm = weights_[p]->host().ForwardNorm(sum, context);
    found[p].feedback_update_norm = weights_[p]->host().FeedbackNorm(sum, context);
  }
  HEBB_RETURN_IF_ERROR(work_.status());
  return found;
}

// ---- the audit ---------------------------------------------------------------------------------

// parameter < 0: no poison.
absl::StatusOr<LayerErrors> GpuEngine::ErrorsWithPoison(const engine::StepContext& context,
                                                        std::span<const Sample> chunk,
                                                        int parameter) {
  HEBB_RETURN_IF_ERROR(
      ForwardChunk(context, chunk, /*training=*/true, kLookRows, [](int) {}).status());
  if (parameter >= 0) weights_[parameter]->PoisonForward();
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) {
    layer->RenewSignal(context);
    layer->PrepareSignal();
  }
  LayerErrors errors = BackwardChunk(Signal::kOfRule);
  if (parameter >= 0) weights_[parameter]->HealForward();
  HEBB_RETURN_IF_ERROR(work_.status());
  return errors;
}

absl::StatusOr<engine::AuditReport> GpuEngine::Audit(const engine::StepContext& context,
                                                     std::span<const Sample> samples) {
  HEBB_CHECK(!samples.empty());
  engine::StepContext look = context;
  look.batch_size = kLookRows;
  look.first_of_epoch = true;
  const std::vector<Sample> chunk = FilledChunk(samples);
  HEBB_ASSIGN_OR_RETURN(const LayerErrors clean, ErrorsWithPoison(look, chunk, -1));
  engine::AuditReport report;
  for (int p = static_cast<int>(plan_.parameters.size()) - 1; p >= 0; --p) {
    if (weights_[p]->host().is_norm()) continue;
    HEBB_ASSIGN_OR_RETURN(const LayerErrors poisoned, ErrorsWithPoison(look, chunk, p));
    engine::AddRead(plan_, clean, poisoned, p, report);
  }
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->RenewSignal(look);
  engine::AddNotes(plan_, job_.learning.loss, report);
  return report;
}

}  // namespace hebb::gpu
