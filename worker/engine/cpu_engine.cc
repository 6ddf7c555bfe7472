// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/cpu_engine.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"

namespace hebb::engine {
namespace {

absl::Status OnComputeThread(device::ComputePool& pool, absl::FunctionRef<absl::Status()> make) {
  absl::Status status;
  pool.ParallelFor(1, [&](int, int) {
    try {
      status = make();
    } catch (const std::bad_alloc&) {
      status = absl::ResourceExhaustedError(
          "the network does not fit into this machine's memory; use a smaller batch_size, more "
          "data_parallel.slices, or fewer threads");
    }
  });
  return status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CpuEngine>> CpuEngine::Create(const EngineOptions& options) {
  HEBB_CHECK(options.job != nullptr && options.threads >= 1);
  HEBB_RETURN_IF_ERROR(CheckCpuPrecision(options.job->learning.precision));
  HEBB_ASSIGN_OR_RETURN(Plan plan, MakePlan(*options.job, options.facts));
  HEBB_ASSIGN_OR_RETURN(nn::ImageScaler scaler,
                        nn::ImageScaler::Create(options.job->dataset, options.facts.image));
  std::unique_ptr<CpuEngine> engine(new CpuEngine(options, std::move(plan), std::move(scaler)));
  const auto draw = [&]() -> absl::Status {
    HEBB_ASSIGN_OR_RETURN(engine->parameters_, Parameters::Create(engine->plan_, *options.job,
                                                                  options.draw, options.threads));
    return absl::OkStatus();
  };
  HEBB_RETURN_IF_ERROR(OnComputeThread(engine->pool_, draw));
  HEBB_RETURN_IF_ERROR(engine->Fit(options.share));
  return engine;
}

CpuEngine::CpuEngine(const EngineOptions& options, Plan plan, nn::ImageScaler scaler)
    : loss_(options.job->learning.loss),
      mirror_noise_(options.job->learning.rule_options.mirror_noise),
      plan_(std::move(plan)),
      images_{std::move(scaler),
              nn::Augmenter(options.job->dataset.augment, plan_.image, options.job->seed)},
      pool_(options.threads) {}

absl::Status CpuEngine::Fit(const SliceShare& share) {
  HEBB_CHECK(share.owned.size() >= 1 && share.max_rows >= 1);
  return OnComputeThread(pool_, [&] { return MakeBlocks(share); });
}

absl::Status CpuEngine::MakeBlocks(const SliceShare& share) {
  ready_.reset();
  joint_.reset();
  blocks_.clear();
  memory_.reset();
  fold_.emplace(slices::Fold::OfRank(share.slices, share.owned));
  const int64_t slices = share.owned.size(), threads = pool_.size();
  const int64_t slice_rows = std::max(share.max_rows, kEvaluationRows);
  // A look at the layers has use for two chunks (cpu_engine_diagnose.cc).
  const int64_t rows =
      std::max(slices * share.max_rows, std::max<int64_t>(threads, 2) * kEvaluationRows);
  runs_.resize(slices);
  offsets_.assign(slices + 1, 0);
  ready_ = std::make_unique<ReadySums>(plan_, *fold_);
  memory_ = std::make_unique<StepMemory>(plan_, rows, pool_.size(), slice_rows);
  const BlockParts parts{plan_, *parameters_, images_, *memory_, pool_, *fold_};
  for (int64_t i = 0; i < std::max(slices, threads); ++i) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<RowBlock> block,
                          RowBlock::Create(parts, RowBlock::Kind::kSlice, slice_rows));
    blocks_.push_back(std::move(block));
  }
  statuses_.resize(blocks_.size());
  HEBB_ASSIGN_OR_RETURN(joint_, RowBlock::Create(parts, RowBlock::Kind::kJoint, rows));
  return absl::OkStatus();
}

absl::Status CpuEngine::Begin(const StepContext& context,
                              std::span<const std::span<const Sample>> slices,
                              std::span<SliceTotals> totals) {
  HEBB_CHECK(slices.size() == runs_.size() && totals.size() == runs_.size());
  HEBB_CHECK(context.batch_size >= 1);
  for (size_t i = 0; i < runs_.size(); ++i) {
    const auto rows = static_cast<int64_t>(slices[i].size());
    totals[i] = {};
    runs_[i] = {slices[i], &totals[i]};
    offsets_[i + 1] = offsets_[i] + rows;
    blocks_[i]->Begin(context, offsets_[i], rows, /*training=*/true);
  }
  HEBB_RETURN_IF_ERROR(joint_->Prepare(offsets_.back()));
  joint_->Begin(context, 0, offsets_.back(), /*training=*/true);
  return absl::OkStatus();
}

absl::Status CpuEngine::ComputeUpdates(const StepContext& context,
                                       std::span<const std::span<const Sample>> slices,
                                       SumSink& sink, std::span<SliceTotals> totals) {
  HEBB_RETURN_IF_ERROR(Begin(context, slices, totals));
  HEBB_RETURN_IF_ERROR(parameters_->PrepareForward(pool_));
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(context, pool_));
  ready_->Start(sink);
  HEBB_RETURN_IF_ERROR(LoadSlices());
  for (const Pass& pass : plan_.passes) HEBB_RETURN_IF_ERROR(PassUp(context, pass, sink));
  HEBB_RETURN_IF_ERROR(FinishForward(context));
  sink.ForwardDone();
  for (auto pass = plan_.passes.rbegin(); pass != plan_.passes.rend(); ++pass) {
    HEBB_RETURN_IF_ERROR(PassDown(context, *pass, sink));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Engine>> CreateCpuEngine(const EngineOptions& options) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<CpuEngine> engine, CpuEngine::Create(options));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace hebb::engine
