// SPDX-License-Identifier: Apache-2.0
#include "worker/train/evaluation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/time/time.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/data/order.h"

namespace hebb::train {
namespace {

constexpr int64_t kChunkRecords = 512;

struct ChunkResult {
  int64_t correct = 0;
  double loss = 0;
};

absl::StatusOr<ChunkResult> EvaluateChunk(engine::Engine& engine, const data::Dataset& dataset,
                                          data::Split split, int64_t chunk,
                                          std::vector<engine::Sample>& samples) {
  const int64_t begin = chunk * kChunkRecords;
  const int64_t end = std::min(begin + kChunkRecords, dataset.size(split));
  samples.clear();
  for (int64_t index = begin; index < end; ++index) {
    const data::Record record = dataset.Get(split, index);
    samples.push_back({record.pixels, record.label, index});
  }
  HEBB_ASSIGN_OR_RETURN(const engine::SliceTotals totals, engine.Evaluate(samples));
  return ChunkResult{std::llround(totals.correct), totals.loss};
}

}  // namespace

absl::StatusOr<Evaluation> EvaluateSplit(engine::Engine& engine, const data::Dataset& dataset,
                                         data::Split split, comm::Communicator& communicator,
                                         absl::Duration backstop) {
  const auto [rank, size] = communicator.topology();
  const int64_t chunks = (dataset.size(split) + kChunkRecords - 1) / kChunkRecords;
  const absl::Time begin = SteadyNow();

  // AllGather wants parts of one size: as many as rank 0 has, which has the most.
  const int64_t part = (chunks + size - 1) / size;
  std::vector<ChunkResult> mine(part);
  std::vector<engine::Sample> samples;
  const auto [first, last] = data::SliceRows(chunks, size, rank);
  for (int64_t chunk = first; chunk < last; ++chunk) {
    HEBB_ASSIGN_OR_RETURN(mine[chunk - first],
                          EvaluateChunk(engine, dataset, split, chunk, samples));
  }
  // The others' parts take about as long as this one did.
  const absl::Time now = SteadyNow();
  const absl::Time deadline = now + std::max(backstop, 10 * (now - begin));
  std::vector<ChunkResult> all(part * size);
  HEBB_RETURN_IF_ERROR(communicator.AllGather(std::as_bytes(std::span(mine)),
                                              std::as_writable_bytes(std::span(all)), deadline));
  Evaluation evaluation{.records = dataset.size(split)};
  for (int r = 0; r < size; ++r) {
    const auto [r_first, r_last] = data::SliceRows(chunks, size, r);
    for (int64_t i = 0; i < r_last - r_first; ++i) {
      evaluation.correct += all[r * part + i].correct;
      evaluation.loss += all[r * part + i].loss;
    }
  }
  return evaluation;
}

}  // namespace hebb::train
