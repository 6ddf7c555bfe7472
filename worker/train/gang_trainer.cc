// SPDX-License-Identifier: Apache-2.0
#include "worker/train/gang_trainer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "common/weights/safetensors.h"
#include "worker/train/generation.h"
#include "worker/train/state_sync.h"

namespace hebb::train {
namespace {

class GangTrainer final : public Trainer {
 public:
  GangTrainer(std::unique_ptr<const RunPlan> plan, RunState state)
      : plan_(std::move(plan)), state_(std::move(state)) {}

  int64_t step() const override { return state_.progress.step; }
  int64_t total_steps() const override { return plan_->total_steps; }
  std::string WeightsDigest() const override { return weights::WeightsDigest(state_.Tensors()); }

  absl::Status LoadCheckpoint(const std::string& bytes, const std::string& origin) override {
    // An evaluation takes the weights of any job's checkpoint.
    if (plan_->job.kind == spec::Kind::kEvaluate) return state_.RestoreWeights(bytes, origin);
    return state_.Restore(bytes, origin);
  }

  absl::Status LoadInitialWeights(const std::string& bytes, const std::string& origin) override {
    return state_.RestoreWeights(bytes, origin);
  }

  absl::Status SyncState(comm::Communicator& communicator, int source,
                         const std::vector<int>& wanted, absl::Time deadline) override {
    if (wanted.empty()) return absl::OkStatus();  // all have it
    const int rank = communicator.topology().rank;
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), rank) != wanted.end();
    return BroadcastState(communicator, source, is_wanted, state_, deadline);
  }

  absl::StatusOr<RunEnd> Run(comm::Communicator& communicator, Requests& requests,
                             Observer& observer) override {
    HEBB_RETURN_IF_ERROR(state_.LeaveUnbegunStage());
    for (;;) {
      HEBB_ASSIGN_OR_RETURN(
          std::unique_ptr<Generation> generation,
          Generation::Create(*plan_, state_, throughput_, {communicator, requests, observer}));
      HEBB_ASSIGN_OR_RETURN(const std::optional<RunEnd> end, generation->Run(final_metrics_));
      if (end) return *end;
      generation.reset();  // its sums lie in the memory of the engine that ends now
      HEBB_RETURN_IF_ERROR(state_.EnterNextStage());
    }
  }

  const FinalMetrics& final_metrics() const override { return final_metrics_; }

 private:
  std::unique_ptr<const RunPlan> plan_;  // at one address: state_ borrows it
  RunState state_;
  Throughput throughput_;
  FinalMetrics final_metrics_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> MakeGangTrainer(const TrainerOptions& options,
                                                         const data::Dataset& dataset,
                                                         EngineFactory make_engine) {
  HEBB_ASSIGN_OR_RETURN(RunPlan made,
                        MakeRunPlan(options.job, options.job_id, options.threads, dataset));
  auto plan = std::make_unique<const RunPlan>(std::move(made));
  HEBB_ASSIGN_OR_RETURN(RunState state, RunState::Create(*plan, std::move(make_engine)));
  return std::make_unique<GangTrainer>(std::move(plan), std::move(state));
}

}  // namespace hebb::train
