// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/cpu_engine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"

namespace hebb::engine {

absl::StatusOr<std::unique_ptr<CpuEngine>> CpuEngine::Create(const EngineOptions& options) {
  HEBB_CHECK(options.job != nullptr && options.threads >= 1 && options.local_slices >= 1);
  HEBB_CHECK(options.max_slice_rows >= 1);
  HEBB_ASSIGN_OR_RETURN(Plan plan, MakePlan(*options.job, options.facts));
  HEBB_ASSIGN_OR_RETURN(nn::ImageScaler scaler,
                        nn::ImageScaler::Create(options.job->dataset, options.facts.image));
  std::unique_ptr<CpuEngine> engine(new CpuEngine(options, std::move(plan), std::move(scaler)));
  HEBB_RETURN_IF_ERROR(engine->Build(options));
  return engine;
}

CpuEngine::CpuEngine(const EngineOptions& options, Plan plan, nn::ImageScaler scaler)
    : loss_(options.job->learning.loss),
      after_update_(options.job->learning.propagate == spec::Propagate::kAfterUpdate),
      plan_(std::move(plan)),
      scaler_(std::move(scaler)),
      pool_(options.threads),
      runs_(options.local_slices) {}

absl::Status CpuEngine::Build(const EngineOptions& options) {
  absl::Status status;
  pool_.ParallelFor(1, [&](int, int) {
    try {
      status = BuildOnComputeThread(options);
    } catch (const std::bad_alloc&) {
      status = absl::ResourceExhaustedError(
          "the network does not fit into this machine's memory; use a smaller batch_size, more "
          "data_parallel.slices, or fewer threads");
    }
  });
  return status;
}

absl::Status CpuEngine::BuildOnComputeThread(const EngineOptions& options) {
  HEBB_ASSIGN_OR_RETURN(parameters_, Parameters::Create(plan_, *options.job));
  ready_ = std::make_unique<ReadyLayers>(parameters_->infos(), options.local_slices);
  const int states =
      after_update_ ? std::max(options.local_slices, options.threads) : options.threads;
  const int64_t rows = std::max(options.max_slice_rows, kEvaluationRows);
  for (int i = 0; i < states; ++i) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<SliceState> state,
                          SliceState::Create(plan_, *parameters_, scaler_, rows));
    states_.push_back(std::move(state));
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::Errors() const {
  for (const SliceRun& run : runs_) HEBB_RETURN_IF_ERROR(run.status);
  return absl::OkStatus();
}

absl::Status CpuEngine::PrepareRows(int64_t rows) {
  if (std::find(prepared_rows_.begin(), prepared_rows_.end(), rows) != prepared_rows_.end()) {
    return absl::OkStatus();
  }
  std::vector<absl::Status> statuses(states_.size());
  pool_.ParallelFor(static_cast<int>(states_.size()),
                    [&](int i, int) { statuses[i] = states_[i]->Prepare(rows); });
  for (const absl::Status& status : statuses) HEBB_RETURN_IF_ERROR(status);
  prepared_rows_.push_back(rows);
  return absl::OkStatus();
}

absl::Status CpuEngine::ComputeUpdates(const StepContext& context,
                                       std::span<const std::span<const Sample>> slices,
                                       UpdateSink& sink, std::span<SliceTotals> totals) {
  HEBB_CHECK(slices.size() == runs_.size() && totals.size() == runs_.size());
  HEBB_CHECK(context.batch_size >= 1);
  for (size_t i = 0; i < runs_.size(); ++i) {
    totals[i] = {};
    runs_[i] = {slices[i], &totals[i], absl::OkStatus()};
    if (!slices[i].empty()) {
      HEBB_RETURN_IF_ERROR(PrepareRows(static_cast<int64_t>(slices[i].size())));
    }
  }
  HEBB_RETURN_IF_ERROR(parameters_->Prepare(pool_));
  ready_->Start(sink);
  return after_update_ ? RunAfterUpdate(context, sink) : RunBeforeUpdate(context);
}

absl::Status CpuEngine::ForwardSlice(const StepContext& context, SliceRun& run, SliceState& state) {
  if (run.samples.empty()) return absl::OkStatus();  // a last batch smaller than the slices
  HEBB_RETURN_IF_ERROR(state.Load(context, run.samples, /*training=*/true));
  HEBB_RETURN_IF_ERROR(state.Forward());
  const nn::LossTotals totals = state.Loss(loss_, static_cast<int64_t>(run.samples.size()));
  if (!std::isfinite(totals.loss)) {
    return absl::FailedPreconditionError(
        absl::StrCat("layer ", plan_.layers.back().layer.name, ": the loss is not finite at epoch ",
                     context.epoch, "; lower learning.optimizer.sgd.learning_rate"));
  }
  *run.totals = {static_cast<float>(totals.loss), static_cast<float>(totals.correct)};
  return absl::OkStatus();
}

// The layer's G of this slice; layers without weights have none.
absl::Status CpuEngine::UpdateLayer(const SliceRun& run, int slice, int layer, SliceState& state) {
  const int parameter = plan_.layers[layer].parameter;
  if (parameter < 0) return absl::OkStatus();
  float* update = ready_->Update(slice, parameter);
  if (run.samples.empty()) {
    std::fill_n(update, plan_.parameters[parameter].size, 0.0f);
    return absl::OkStatus();
  }
  return state.LocalUpdate(layer, update);
}

absl::Status CpuEngine::RunSlice(const StepContext& context, int slice, SliceState& state) {
  SliceRun& run = runs_[slice];
  HEBB_RETURN_IF_ERROR(ForwardSlice(context, run, state));
  for (int layer = static_cast<int>(plan_.layers.size()) - 1; layer >= 0; --layer) {
    HEBB_RETURN_IF_ERROR(UpdateLayer(run, slice, layer, state));
    const int parameter = plan_.layers[layer].parameter;
    if (parameter >= 0) HEBB_RETURN_IF_ERROR(ready_->Done(parameter));
    if (!run.samples.empty()) HEBB_RETURN_IF_ERROR(state.SendDown(layer));
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::RunBeforeUpdate(const StepContext& context) {
  pool_.ParallelFor(static_cast<int>(runs_.size()), [&](int slice, int thread) {
    runs_[slice].status = RunSlice(context, slice, *states_[thread]);
  });
  return Errors();
}

absl::Status CpuEngine::RunAfterUpdate(const StepContext& context, UpdateSink& sink) {
  const int slices = static_cast<int>(runs_.size());
  pool_.ParallelFor(slices, [&](int slice, int) {
    runs_[slice].status = ForwardSlice(context, runs_[slice], *states_[slice]);
  });
  HEBB_RETURN_IF_ERROR(Errors());
  for (int layer = static_cast<int>(plan_.layers.size()) - 1; layer >= 0; --layer) {
    const int parameter = plan_.layers[layer].parameter;
    pool_.ParallelFor(slices, [&](int slice, int) {
      SliceRun& run = runs_[slice];
      run.status = UpdateLayer(run, slice, layer, *states_[slice]);
      if (run.status.ok() && parameter >= 0) run.status = ready_->Done(parameter);
    });
    HEBB_RETURN_IF_ERROR(Errors());
    if (!plan_.layers[layer].sends_down) continue;
    if (parameter >= 0) HEBB_RETURN_IF_ERROR(StageSignal(parameter, sink));
    pool_.ParallelFor(slices, [&](int slice, int) {
      SliceRun& run = runs_[slice];
      if (!run.samples.empty()) run.status = states_[slice]->SendDown(layer);
    });
    HEBB_RETURN_IF_ERROR(Errors());
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::StageSignal(int parameter, UpdateSink& sink) {
  HEBB_ASSIGN_OR_RETURN(const std::span<const float> sum, sink.WaitForSum(parameter));
  HEBB_CHECK(static_cast<int64_t>(sum.size()) == plan_.parameters[parameter].size);
  absl::Status status;
  pool_.ParallelFor(1, [&](int, int) { status = parameters_->StageSignal(parameter, sum); });
  return status;
}

absl::StatusOr<nn::LossTotals> CpuEngine::EvaluateChunk(std::span<const Sample> chunk,
                                                        SliceState& state) {
  std::array<Sample, kEvaluationRows> samples;
  samples.fill(chunk.back());
  std::copy(chunk.begin(), chunk.end(), samples.begin());
  HEBB_RETURN_IF_ERROR(state.Load(StepContext{}, samples, /*training=*/false));
  HEBB_RETURN_IF_ERROR(state.Forward());
  return state.Loss(loss_, static_cast<int64_t>(chunk.size()));
}

absl::StatusOr<SliceTotals> CpuEngine::Evaluate(std::span<const Sample> samples) {
  HEBB_RETURN_IF_ERROR(parameters_->Prepare(pool_));
  HEBB_RETURN_IF_ERROR(PrepareRows(kEvaluationRows));
  const size_t chunks = (samples.size() + kEvaluationRows - 1) / kEvaluationRows;
  std::vector<absl::StatusOr<nn::LossTotals>> parts(chunks, nn::LossTotals{});
  pool_.ParallelFor(static_cast<int>(chunks), [&](int chunk, int thread) {
    const size_t begin = static_cast<size_t>(chunk) * kEvaluationRows;
    const size_t rows = std::min<size_t>(kEvaluationRows, samples.size() - begin);
    parts[chunk] = EvaluateChunk(samples.subspan(begin, rows), *states_[thread]);
  });
  nn::LossTotals totals;
  for (const absl::StatusOr<nn::LossTotals>& part : parts) {
    HEBB_RETURN_IF_ERROR(part.status());
    totals.loss += part->loss;
    totals.correct += part->correct;
  }
  return SliceTotals{static_cast<float>(totals.loss), static_cast<float>(totals.correct)};
}

absl::StatusOr<std::unique_ptr<Engine>> CreateCpuEngine(const EngineOptions& options) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<CpuEngine> engine, CpuEngine::Create(options));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace hebb::engine
