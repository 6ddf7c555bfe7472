// SPDX-License-Identifier: Apache-2.0
// A step's two orders: slice by slice, and all slices layer by layer.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/cpu_engine.h"

namespace hebb::engine {

// ---- one slice's pieces, common to both ---------------------------------------------------------

absl::Status CpuEngine::LoadSlice(const StepContext& context, SliceRun& run, SliceState& state) {
  if (run.samples.empty()) return absl::OkStatus();  // a last batch smaller than the slices
  return state.Load(context, run.samples, /*training=*/true);
}

absl::Status CpuEngine::FinishForward(const StepContext& context, SliceRun& run,
                                      SliceState& state) {
  if (run.samples.empty()) return absl::OkStatus();
  const nn::LossTotals totals = state.Loss(loss_, static_cast<int64_t>(run.samples.size()));
  if (!std::isfinite(totals.loss)) {
    return absl::FailedPreconditionError(
        absl::StrCat("layer ", plan_.layers.back().layer.name, ": the loss is not finite at epoch ",
                     context.epoch, "; lower learning.optimizer.sgd.learning_rate"));
  }
  *run.totals = {static_cast<float>(totals.loss), static_cast<float>(totals.correct)};
  return absl::OkStatus();
}

void CpuEngine::WriteStatistics(const SliceRun& run, int slice, int layer, SliceState& state) {
  const int sum = plan_.layers[layer].statistics_sum;
  float* part = ready_->Part(slice, sum);
  if (run.samples.empty()) {
    std::fill_n(part, plan_.sums[sum].size, 0.0f);
  } else {
    state.Statistics(layer, part);
  }
}

// The layer's G of this slice; layers that do not learn have none.
absl::Status CpuEngine::UpdateLayer(const SliceRun& run, int slice, int layer, SliceState& state) {
  const PlannedLayer& planned = plan_.layers[layer];
  if (run.samples.empty()) {
    if (planned.parameter < 0) return absl::OkStatus();
    std::fill_n(ready_->Part(slice, planned.update_sum), planned.update.total(), 0.0f);
    return absl::OkStatus();
  }
  if (!planned.needs_delta) return absl::OkStatus();
  if (plan_.direct && planned.parameter < 0) return absl::OkStatus();
  state.BeginBackward(layer, plan_.direct);
  state.Gate(layer);
  if (planned.parameter < 0) return absl::OkStatus();
  return state.LocalUpdate(layer, ready_->Part(slice, planned.update_sum));
}

absl::Status CpuEngine::SendDown(const StepContext& context, const SliceRun& run, int slice,
                                 int layer, SliceState& state) {
  if (run.samples.empty()) return absl::OkStatus();
  if (!plan_.direct) HEBB_RETURN_IF_ERROR(state.SendDown(layer));
  const PlannedLayer& planned = plan_.layers[layer];
  if (!planned.mirrors) return absl::OkStatus();
  return state.MirrorUpdate(layer, context, mirror_noise_, ready_->Part(slice, planned.update_sum));
}

// ---- slice by slice ----------------------------------------------------------------------------

absl::Status CpuEngine::RunSlice(const StepContext& context, int slice, SliceState& state) {
  SliceRun& run = runs_[slice];
  HEBB_RETURN_IF_ERROR(LoadSlice(context, run, state));
  for (int layer = 0; layer < state.layers(); ++layer) {
    const int statistics = plan_.layers[layer].statistics_sum;
    if (statistics >= 0) {
      WriteStatistics(run, slice, layer, state);
      HEBB_RETURN_IF_ERROR(ready_->Done(statistics));
    }
    if (!run.samples.empty()) HEBB_RETURN_IF_ERROR(state.Forward(layer));
  }
  HEBB_RETURN_IF_ERROR(FinishForward(context, run, state));
  for (int layer = state.layers() - 1; layer >= 0; --layer) {
    const PlannedLayer& planned = plan_.layers[layer];
    HEBB_RETURN_IF_ERROR(UpdateLayer(run, slice, layer, state));
    // A mirror's part comes last: its noise spoils what the layer remembers.
    if (planned.mirrors) HEBB_RETURN_IF_ERROR(SendDown(context, run, slice, layer, state));
    if (planned.parameter >= 0) HEBB_RETURN_IF_ERROR(ready_->Done(planned.update_sum));
    if (!planned.mirrors) HEBB_RETURN_IF_ERROR(SendDown(context, run, slice, layer, state));
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::RunSlices(const StepContext& context) {
  pool_.ParallelFor(static_cast<int>(runs_.size()), [&](int slice, int thread) {
    runs_[slice].status = RunSlice(context, slice, *states_[thread]);
  });
  return Errors();
}

// ---- in lockstep -------------------------------------------------------------------------------

absl::Status CpuEngine::ForEachSlice(
    absl::FunctionRef<absl::Status(int slice, SliceState& state)> action) {
  pool_.ParallelFor(static_cast<int>(runs_.size()),
                    [&](int slice, int) { runs_[slice].status = action(slice, *states_[slice]); });
  return Errors();
}

absl::Status CpuEngine::LockstepForward(const StepContext& context, int layer, SumSink& sink) {
  const PlannedLayer& planned = plan_.layers[layer];
  std::span<const float> sums;
  if (planned.statistics_sum >= 0) {
    HEBB_RETURN_IF_ERROR(ForEachSlice([&](int slice, SliceState& state) {
      WriteStatistics(runs_[slice], slice, layer, state);
      return absl::OkStatus();
    }));
    HEBB_RETURN_IF_ERROR(ready_->AllDone(planned.statistics_sum));
    if (states_[0]->batch_statistics(layer)->over_batch()) {
      HEBB_ASSIGN_OR_RETURN(sums, sink.WaitForSum(planned.statistics_sum));
    }
  }
  const spec::Shape& shape = planned.resolved.output;
  return ForEachSlice([&](int slice, SliceState& state) {
    if (runs_[slice].samples.empty()) return absl::OkStatus();
    if (!sums.empty()) {
      state.batch_statistics(layer)->Take(sums, context.batch_size * shape.height * shape.width);
    }
    return state.Forward(layer);
  });
}

absl::Status CpuEngine::LockstepBackward(const StepContext& context, int layer, SumSink& sink) {
  const PlannedLayer& planned = plan_.layers[layer];
  const auto update = [&](int slice, SliceState& state) -> absl::Status {
    HEBB_RETURN_IF_ERROR(UpdateLayer(runs_[slice], slice, layer, state));
    return planned.mirrors ? SendDown(context, runs_[slice], slice, layer, state)
                           : absl::OkStatus();
  };
  HEBB_RETURN_IF_ERROR(ForEachSlice(update));
  if (planned.parameter >= 0) HEBB_RETURN_IF_ERROR(ready_->AllDone(planned.update_sum));
  nn::BatchStatistics* norm = states_[0]->batch_statistics(layer);
  const bool over_batch = norm != nullptr && norm->over_batch();
  if (planned.parameter >= 0 && planned.sends_down && (after_update_ || over_batch)) {
    HEBB_ASSIGN_OR_RETURN(const std::span<const float> sum, sink.WaitForSum(planned.update_sum));
    HEBB_CHECK(static_cast<int64_t>(sum.size()) == planned.update.total());
    absl::Status staged;
    pool_.ParallelFor(1, [&](int, int) {
      for (const auto& state : states_) {
        if (over_batch) state->batch_statistics(layer)->TakeUpdate(sum);
      }
      if (after_update_) staged = parameters_->layer(planned.parameter).StageSignal(sum, context);
    });
    HEBB_RETURN_IF_ERROR(staged);
  }
  if (planned.mirrors) return absl::OkStatus();
  return ForEachSlice([&](int slice, SliceState& state) {
    return SendDown(context, runs_[slice], slice, layer, state);
  });
}

absl::Status CpuEngine::RunLockstep(const StepContext& context, SumSink& sink) {
  HEBB_RETURN_IF_ERROR(ForEachSlice(
      [&](int slice, SliceState& state) { return LoadSlice(context, runs_[slice], state); }));
  const int layers = static_cast<int>(plan_.layers.size());
  for (int layer = 0; layer < layers; ++layer) {
    HEBB_RETURN_IF_ERROR(LockstepForward(context, layer, sink));
  }
  HEBB_RETURN_IF_ERROR(ForEachSlice(
      [&](int slice, SliceState& state) { return FinishForward(context, runs_[slice], state); }));
  for (int layer = layers - 1; layer >= 0; --layer) {
    HEBB_RETURN_IF_ERROR(LockstepBackward(context, layer, sink));
  }
  return absl::OkStatus();
}

}  // namespace hebb::engine
