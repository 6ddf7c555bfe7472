// SPDX-License-Identifier: Apache-2.0
// Loss and correct answers without training: chunks of kEvaluationRows samples take the slices'
// place, at most one for each thread at a time.
#include <algorithm>
#include <array>

#include "common/status_macros.h"
#include "worker/engine/cpu_engine.h"

namespace hebb::engine {

// The last chunk is filled up with its last sample.
absl::Status CpuEngine::LoadChunk(std::span<const Sample> samples, int chunk, RowBlock& block) {
  const int64_t first = chunk * kEvaluationRows;
  const std::span<const Sample> own = samples.subspan(static_cast<size_t>(first));
  std::array<Sample, kEvaluationRows> filled;
  for (size_t row = 0; row < filled.size(); ++row) filled[row] = own[std::min(row, own.size() - 1)];
  block.Begin(StepContext{}, first, kEvaluationRows, /*training=*/false);
  return block.Load(filled);
}

absl::StatusOr<nn::LossTotals> CpuEngine::EvaluateChunks(std::span<const Sample> samples) {
  const auto count = static_cast<int64_t>(samples.size());
  const auto chunks = static_cast<int>((count + kEvaluationRows - 1) / kEvaluationRows);
  HEBB_RETURN_IF_ERROR(ForEachBlock(
      chunks, [&](int chunk, RowBlock& block) { return LoadChunk(samples, chunk, block); }));
  joint_->Begin(StepContext{}, 0, chunks * kEvaluationRows, /*training=*/false);
  for (const Pass& pass : plan_.passes) {
    const auto up = [&pass](int, RowBlock& block) -> absl::Status {
      for (int layer = pass.begin; layer < pass.end; ++layer) {
        HEBB_RETURN_IF_ERROR(block.Forward(layer));
      }
      return absl::OkStatus();
    };
    HEBB_RETURN_IF_ERROR(pass.joint ? up(0, *joint_) : ForEachBlock(chunks, up));
  }
  nn::LossTotals totals;
  for (int chunk = 0; chunk < chunks; ++chunk) {
    const int64_t rows = std::min(kEvaluationRows, count - chunk * kEvaluationRows);
    const nn::LossTotals part = blocks_[chunk]->Loss(loss_, rows);
    totals.loss += part.loss;
    totals.correct += part.correct;
  }
  return totals;
}

absl::StatusOr<SliceTotals> CpuEngine::Evaluate(std::span<const Sample> samples) {
  const int64_t most = pool_.size() * kEvaluationRows;
  HEBB_RETURN_IF_ERROR(parameters_->PrepareForward(pool_));
  HEBB_RETURN_IF_ERROR(joint_->Prepare(most));
  nn::LossTotals totals;
  while (!samples.empty()) {
    const size_t rows = std::min(samples.size(), static_cast<size_t>(most));
    HEBB_ASSIGN_OR_RETURN(const nn::LossTotals part, EvaluateChunks(samples.first(rows)));
    totals.loss += part.loss;
    totals.correct += part.correct;
    samples = samples.subspan(rows);
  }
  return SliceTotals{static_cast<float>(totals.loss), static_cast<float>(totals.correct)};
}

}  // namespace hebb::engine
