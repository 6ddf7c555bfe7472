// SPDX-License-Identifier: Apache-2.0
// A training step, piece by piece.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/gpu/gpu_engine.h"

namespace hebb::gpu {

void GpuEngine::SetStep(const engine::StepContext& context) {
  const spec::Sgd& sgd = job_.learning.optimizer;
  const double feedback_rate = sgd.feedback_learning_rate.value_or(sgd.learning_rate);
  const kernels::StepValues values = {
      .inverse_batch = 1.0 / static_cast<double>(context.batch_size),
      .batch = static_cast<double>(context.batch_size),
      .epoch = static_cast<uint32_t>(context.epoch),
      .step = static_cast<uint32_t>(context.step),
      .rate = static_cast<float>(sgd.learning_rate * context.rate_factor),
      .feedback_rate = static_cast<float>(feedback_rate * context.rate_factor),
      .scale = 1};
  work_.Launch(kernels::TellStep{values, step_}, 1);
}

absl::Status GpuEngine::BeginStep(const engine::StepContext& context,
                                  std::span<const std::span<const engine::Sample>> slices) {
  HEBB_CHECK(context.batch_size >= 1);
  HEBB_RETURN_IF_ERROR(work_.status());
  SetStep(context);
  int64_t rows = 0;
  for (const auto& slice : slices) rows += static_cast<int64_t>(slice.size());
  HEBB_RETURN_IF_ERROR(network_->Begin(context.epoch, slices, Network::Use::kStep, rows));
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->RenewSignal(context);
  recorder_.Begin(network_->rows().offsets);
  return work_.status();
}

absl::Status GpuEngine::ComputeUpdates(const engine::StepContext& context,
                                       std::span<const std::span<const engine::Sample>> slices,
                                       engine::SumSink& sink,
                                       std::span<engine::SliceTotals> totals) {
  HEBB_CHECK(slices.size() == totals.size());
  HEBB_RETURN_IF_ERROR(BeginStep(context, slices));
  HEBB_RETURN_IF_ERROR(Up(sink));
  sink.ForwardDone();
  HEBB_RETURN_IF_ERROR(Down(sink));
  return ReadTotals(context, totals);
}

// ---- sums --------------------------------------------------------------------------------------

absl::Status GpuEngine::Ready(int sum, engine::SumSink& sink) {
  HEBB_RETURN_IF_ERROR(work_.status());
  return sink.Ready(sum, network_->sums().of(sum).nodes);
}

absl::Status GpuEngine::Arrive(int sum, engine::SumSink& sink) {
  HEBB_ASSIGN_OR_RETURN(const std::span<const float> arrived, sink.WaitForSum(sum));
  SumLies(sum, arrived);
  return work_.status();
}

// Of one gang they lie still; those of another one are elsewhere.
void GpuEngine::SumLies(int sum, std::span<const float> at) {
  HEBB_CHECK(static_cast<int64_t>(at.size()) == plan_.sums[sum].size);
  if (sums_[sum] == at.data()) return;
  sums_[sum] = at.data();
  recorder_.Forget();
  recorder_.Begin(network_->rows().offsets);
}

// Whether the error may go on below the layer only once its sum has arrived.
bool GpuEngine::Waits(int layer) const {
  const engine::PlannedLayer& planned = plan_.layers[layer];
  return planned.sends_down && (plan_.after_update || planned.over_batch);
}

// ---- up ----------------------------------------------------------------------------------------

absl::Status GpuEngine::Up(engine::SumSink& sink) {
  for (size_t i = 0; i < pieces_up_.size(); ++i) {
    recorder_.Run(static_cast<int>(i), [&] { RunPieceUp(i); });
    HEBB_RETURN_IF_ERROR(StatisticsReady(pieces_up_[i], sink));
  }
  network_->FetchTotals();
  return work_.status();
}

void GpuEngine::RunPieceUp(size_t index) {
  const PieceUp& piece = pieces_up_[index];
  if (index == 0) {
    for (const std::unique_ptr<DeviceWeights>& layer : weights_) {
      layer->PrepareForward();
      layer->PrepareSignal();
    }
    network_->LoadImages();
  } else {
    network_->TakeStatistics(piece.begin, sums_[plan_.layers[piece.begin].statistics_sum]);
  }
  for (int layer = piece.begin; layer < piece.end; ++layer) network_->Forward(layer);
  if (piece.end < static_cast<int>(plan_.layers.size())) {
    network_->Statistics(piece.end);
  } else {
    network_->Loss();
  }
}

absl::Status GpuEngine::StatisticsReady(const PieceUp& piece, engine::SumSink& sink) {
  for (int layer = piece.begin; layer < piece.end; ++layer) {
    const engine::PlannedLayer& planned = plan_.layers[layer];
    if (planned.statistics_sum < 0 || planned.over_batch) continue;
    HEBB_RETURN_IF_ERROR(Ready(planned.statistics_sum, sink));
  }
  if (piece.end == static_cast<int>(plan_.layers.size())) return absl::OkStatus();
  const int sum = plan_.layers[piece.end].statistics_sum;
  HEBB_RETURN_IF_ERROR(Ready(sum, sink));
  return Arrive(sum, sink);
}

// ---- down --------------------------------------------------------------------------------------

absl::Status GpuEngine::Down(engine::SumSink& sink) {
  const int first = static_cast<int>(pieces_up_.size());
  for (size_t i = 0; i < learning_.size(); ++i) {
    recorder_.Run(first + static_cast<int>(i), [&] { RunPieceDown(i); });
    const int sum = plan_.layers[learning_[i]].update_sum;
    HEBB_RETURN_IF_ERROR(Ready(sum, sink));
    if (Waits(learning_[i])) HEBB_RETURN_IF_ERROR(Arrive(sum, sink));
  }
  return work_.status();
}

// From below the learning layer before it to the learning layer of that index.
void GpuEngine::RunPieceDown(size_t index) {
  int layer = static_cast<int>(plan_.layers.size());
  if (index > 0) {
    layer = learning_[index - 1];
    const engine::PlannedLayer& planned = plan_.layers[layer];
    const float* sum = sums_[planned.update_sum];
    if (Waits(layer) && planned.over_batch) network_->TakeUpdate(layer, sum);
    if (Waits(layer) && plan_.after_update) weights_[planned.parameter]->StageSignal(sum);
    if (!planned.mirrors && !plan_.direct) network_->SendDown(layer, /*saturates=*/true);
  }
  for (--layer; layer >= learning_[index]; --layer) {
    if (!network_->BeginBackward(layer, plan_.direct)) continue;
    network_->Gate(layer);
    if (layer == learning_[index]) return UpdateLayer(layer);
    if (!plan_.direct) network_->SendDown(layer, /*saturates=*/true);
  }
}

void GpuEngine::UpdateLayer(int layer) {
  network_->Update(layer);
  if (!plan_.layers[layer].mirrors) return;
  // Comes last: its noise spoils what the layer remembers.
  if (!plan_.direct) network_->SendDown(layer, /*saturates=*/true);
  network_->UpdateMirror(layer);
}

absl::Status GpuEngine::ReadTotals(const engine::StepContext& context,
                                   std::span<engine::SliceTotals> totals) {
  // The way down may be under way still: the host has the next step ready when it ends.
  const std::vector<kernels::RowLoss> read = network_->FetchedTotals();
  HEBB_RETURN_IF_ERROR(work_.status());
  for (size_t i = 0; i < totals.size(); ++i) {
    if (!std::isfinite(read[i].loss)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "layer ", plan_.layers.back().layer.name, ": the loss is not finite at epoch ",
          context.epoch, "; lower learning.optimizer.sgd.learning_rate"));
    }
    totals[i] = {static_cast<float>(read[i].loss), static_cast<float>(read[i].correct)};
  }
  return absl::OkStatus();
}

// ---- applying ----------------------------------------------------------------------------------

void GpuEngine::Apply(const engine::StepContext& context,
                      std::span<const std::span<const float>> sums) {
  HEBB_CHECK(sums.size() == plan_.sums.size());
  for (size_t i = 0; i < sums.size(); ++i) SumLies(static_cast<int>(i), sums[i]);
  SetStep(context);
  const int piece = static_cast<int>(pieces_up_.size() + learning_.size());
  recorder_.Run(piece, [&] { ApplySums(); });
  if (!context.last_of_epoch) return;
  for (const std::unique_ptr<DeviceWeights>& layer : weights_) layer->ClipToStart();
}

void GpuEngine::ApplySums() {
  const double limit = job_.learning.optimizer.clip_norm;
  if (limit > 0) {
    double* parts = squares_;
    for (size_t p = 0; p < weights_.size(); ++p) {
      weights_[p]->PartSquares(sums_[plan_.parameters[p].sum], parts);
      parts += weights_[p]->square_parts();
    }
    const Partials last = Group({squares_, square_parts_}, 1, 1, work_);
    work_.Launch(
        kernels::ClipFactor{last.sums, static_cast<kernels::Index>(last.parts), limit, step_}, 1);
  }
  for (size_t p = 0; p < weights_.size(); ++p) {
    const engine::PlannedLayer& planned = plan_.layers[plan_.parameters[p].layer_index];
    weights_[p]->Update(sums_[planned.update_sum]);
    if (planned.statistics_sum < 0 || planned.layer.frozen) continue;
    network_->FollowRunning(plan_.parameters[p].layer_index, sums_[planned.statistics_sum],
                            weights_[p]->running_mean(), weights_[p]->running_variance());
  }
}

}  // namespace hebb::gpu
