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
      mirror_noise_(options.job->learning.rule_options.mirror_noise),
      plan_(std::move(plan)),
      images_{std::move(scaler),
              nn::Augmenter(options.job->dataset.augment, plan_.image, options.job->seed)},
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
  HEBB_ASSIGN_OR_RETURN(parameters_,
                        Parameters::Create(plan_, *options.job, options.draw, options.threads));
  ready_ = std::make_unique<ReadySums>(plan_.sums, options.local_slices);
  const int states =
      plan_.lockstep ? std::max(options.local_slices, options.threads) : options.threads;
  const int64_t rows = std::max(options.max_slice_rows, kEvaluationRows);
  for (int i = 0; i < states; ++i) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<SliceState> state,
                          SliceState::Create(plan_, *parameters_, images_, rows));
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
                                       SumSink& sink, std::span<SliceTotals> totals) {
  HEBB_CHECK(slices.size() == runs_.size() && totals.size() == runs_.size());
  HEBB_CHECK(context.batch_size >= 1);
  for (size_t i = 0; i < runs_.size(); ++i) {
    totals[i] = {};
    runs_[i] = {slices[i], &totals[i], absl::OkStatus()};
    if (!slices[i].empty()) {
      HEBB_RETURN_IF_ERROR(PrepareRows(static_cast<int64_t>(slices[i].size())));
    }
  }
  HEBB_RETURN_IF_ERROR(parameters_->PrepareForward(pool_));
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(context, pool_));
  ready_->Start(sink);
  return plan_.lockstep ? RunLockstep(context, sink) : RunSlices(context);
}

absl::StatusOr<nn::LossTotals> CpuEngine::EvaluateChunk(std::span<const Sample> chunk,
                                                        SliceState& state) {
  std::array<Sample, kEvaluationRows> samples;
  samples.fill(chunk.back());
  std::copy(chunk.begin(), chunk.end(), samples.begin());
  HEBB_RETURN_IF_ERROR(state.Load(StepContext{}, samples, /*training=*/false));
  for (int layer = 0; layer < state.layers(); ++layer) HEBB_RETURN_IF_ERROR(state.Forward(layer));
  return state.Loss(loss_, static_cast<int64_t>(chunk.size()));
}

absl::StatusOr<SliceTotals> CpuEngine::Evaluate(std::span<const Sample> samples) {
  HEBB_RETURN_IF_ERROR(parameters_->PrepareForward(pool_));
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
