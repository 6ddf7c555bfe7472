// SPDX-License-Identifier: Apache-2.0
#include "worker/train/generation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <new>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/spec/stages.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "common/weights/safetensors.h"
#include "worker/train/evaluation.h"
#include "worker/train/state_sync.h"

namespace hebb::train {
namespace {

// Marks the status of a run that failed so.
constexpr absl::string_view kLossNotFinite = "hebb/loss-not-finite";
// Backstops only: who is dead is found out by heartbeats. Ranks come here after making their
// engines, and rank 0's last checkpoint may go through a slow line.
constexpr absl::Duration kAgreeBackstop = absl::Minutes(2);
constexpr int64_t kDiagnosedRecords = 256;
constexpr absl::Duration kSaveBackstop = absl::Minutes(10);

SliceLayout LayoutOf(const RunPlan& plan, comm::Topology topology) {
  return {.slices = static_cast<int>(plan.job.data_parallel.slices),
          .topology = topology,
          .threads = plan.threads};
}

// `detail` is of the rank that met it, and names the layer; the others know only the step.
absl::Status LossNotFinite(int64_t step, const absl::Status& detail) {
  const std::string what =
      !detail.ok() ? std::string(detail.message())
                   : "the loss is not finite; lower learning.optimizer.sgd.learning_rate, or check "
                     "the data";
  absl::Status status = absl::FailedPreconditionError(absl::StrCat("step ", step, ": ", what));
  status.SetPayload(kLossNotFinite, {});
  return status;
}

// Parts the stand for the sums: no rank can have them before the slowest has done its own work.
void PartWait(std::span<const float> own_seconds, int rank, double waited, StepReport& report) {
  const double own = own_seconds[rank];
  const double slowest = *std::max_element(own_seconds.begin(), own_seconds.end());
  const double mean = std::accumulate(own_seconds.begin(), own_seconds.end(), 0.0) /
                      static_cast<double>(own_seconds.size());
  report.wait_seconds = std::clamp(slowest - own, 0.0, std::max(waited, 0.0));
  report.sum_seconds = std::max(waited, 0.0) - report.wait_seconds;
  report.own_ratio = mean > 0 ? own / mean : 1;
}

}  // namespace

bool IsLossNotFinite(const absl::Status& status) {
  return status.GetPayload(kLossNotFinite).has_value();
}

absl::StatusOr<std::unique_ptr<Generation>> Generation::Create(const RunPlan& plan, RunState& state,
                                                               Throughput& throughput,
                                                               const Gang& gang) {
  const SliceLayout layout = LayoutOf(plan, gang.communicator.topology());
  if (layout.slices > 0 && layout.topology.size > layout.slices) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a gang of ", layout.topology.size, " workers for data_parallel.slices: ", layout.slices,
        "; at most one per slice"));
  }
  const Stage& stage = plan.stages[state.stage()];
  const int64_t batch = std::min(stage.job.learning.batch_size, plan.records);
  const auto [begin, end] = layout.Rows(batch, 0);  // the first slices are the largest
  HEBB_RETURN_IF_ERROR(
      state.FitEngine({layout.tree_slices(), layout.owned(), std::max(end - begin, int64_t{1})}));
  try {
    return std::unique_ptr<Generation>(new Generation(plan, state, throughput, gang, layout));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        "no memory left for the sums over the gang; give the job a smaller network or the worker "
        "more memory");
  }
}

Generation::Generation(const RunPlan& plan, RunState& state, Throughput& throughput,
                       const Gang& gang, const SliceLayout& layout)
    : plan_(plan),
      stage_(plan.stages[state.stage()]),
      state_(state),
      throughput_(throughput),
      gang_(gang),
      rank_(layout.topology.rank),
      loader_(plan, stage_, layout),
      totals_(layout.local_slices()),
      epoch_begin_(SteadyNow()),
      sums_(gang.communicator, layout, state.engine().sums(), state.engine().memory(),
            gang.requests.backstop) {}

absl::StatusOr<std::optional<RunEnd>> Generation::Run(FinalMetrics& final) {
  HEBB_RETURN_IF_ERROR(AgreeOnStanding(gang_.communicator, state_, SteadyNow() + kAgreeBackstop));
  for (;;) {
    if (plan_.AtEpochEnd(state_.progress.step) && !state_.epoch_reported) {
      HEBB_RETURN_IF_ERROR(EndEpoch());
    }
    if (at_end()) {
      HEBB_RETURN_IF_ERROR(Finish(final));
      return RunEnd::kFinished;
    }
    if (plan_.StageAfter(state_.progress.step) != state_.stage()) return std::nullopt;
    HEBB_ASSIGN_OR_RETURN(const ControlFlags flags, Step());
    if (DigestIsDue()) {
      gang_.observer.DigestDone(state_.progress.step, weights::WeightsDigest(state_.Tensors()));
    }
    const int64_t every = plan_.job.checkpoint.every_steps;
    if (rank_ == 0 && every > 0 && state_.progress.step % every == 0 && !at_end()) {
      Save().IgnoreError();  // the observer has logged it; the next one may succeed
    }
    if (flags.stop_checkpoint) HEBB_RETURN_IF_ERROR(SaveAndAgree());
    if (flags.stop || flags.stop_checkpoint) return RunEnd::kStopped;
    if (flags.leave && !at_end()) return RunEnd::kLeft;
  }
}

bool Generation::DigestIsDue() const {
  const int64_t every = plan_.job.digests.every_steps;
  return every > 0 && (state_.progress.step % every == 0 || at_end());
}

absl::StatusOr<ControlFlags> Generation::Step() {
  const absl::Time begin = SteadyNow();
  if (state_.progress.step_in_epoch == 0) epoch_begin_ = begin;
  const Batch batch = loader_.Load(state_.progress.step);
  StepReport report;
  report.data_seconds = absl::ToDoubleSeconds(SteadyNow() - begin);
  HEBB_ASSIGN_OR_RETURN(const StepTotals totals, ComputeAndSum(batch, report));

  // Everything has arrived: from here the step cannot fail.
  const absl::Time apply_begin = SteadyNow();
  state_.engine().Apply(ContextAfter(state_.progress.step, batch.rows), sums_.sums());
  state_.StageBegun();
  CountStep(plan_, batch.rows, totals.loss, std::llround(totals.correct), state_.progress);
  state_.epoch_reported = false;
  stepped_ = true;
  const absl::Time end = SteadyNow();
  report.update_seconds = absl::ToDoubleSeconds(end - apply_begin);
  throughput_.images += batch.rows;
  report.own_images = batch.own_rows;
  Report(report, end - begin);
  return totals.flags;
}

absl::StatusOr<StepTotals> Generation::ComputeAndSum(const Batch& batch, StepReport& report) {
  const engine::StepContext context = ContextAfter(state_.progress.step, batch.rows);
  const absl::Time begin = SteadyNow();
  const comm::SumQueueTotals before = sums_.queue_totals();
  sums_.Begin();
  const absl::Status computed =
      state_.engine().ComputeUpdates(context, batch.slices, sums_, totals_);
  if (!computed.ok()) {
    // A loss that is not finite is this rank's alone to see; the totals tell the others.
    if (!absl::IsFailedPrecondition(computed)) return computed;
    totals_[0].loss = std::numeric_limits<float>::quiet_NaN();
    HEBB_RETURN_IF_ERROR(sums_.StartMissing());
  }
  ControlFlags flags;
  if (rank_ == 0) {
    flags = {.leave = gang_.requests.leave,
             .stop = gang_.requests.stop,
             .stop_checkpoint = gang_.requests.stop_checkpoint};
  }
  const auto computed_for = [&] {  // without the waits for sums
    const double waited = sums_.queue_totals().wait_seconds - before.wait_seconds;
    return absl::ToDoubleSeconds(SteadyNow() - begin) - waited;
  };
  sums_.StartTotals(totals_, flags, report.data_seconds + computed_for());
  HEBB_ASSIGN_OR_RETURN(const StepTotals totals, sums_.Finish());
  const double compute = computed_for();
  report.forward_seconds = std::min(sums_.forward_seconds().value_or(compute), compute);
  report.backward_seconds = compute - report.forward_seconds;
  const comm::SumQueueTotals after = sums_.queue_totals();
  PartWait(totals.own_seconds, rank_, after.wait_seconds - before.wait_seconds, report);
  report.allreduce_bytes = after.bytes - before.bytes;
  report.allreduce_seconds = after.sum_seconds - before.sum_seconds;
  if (!std::isfinite(totals.loss)) {
    return LossNotFinite(state_.progress.step + 1, computed);
  }
  return totals;
}

engine::StepContext Generation::ContextAfter(int64_t step, int64_t rows) const {
  const int64_t in_epoch = stage_.StepInEpochAfter(step);
  const int64_t epoch = stage_.EpochAfter(step);
  return {.seed = plan_.job.seed,
          .epoch = epoch,
          .batch_size = rows,
          .step = step,
          .rate_factor =
              spec::RateFactor(plan_.job.learning.optimizer.schedule, epoch, plan_.total_epochs),
          .first_of_epoch = in_epoch == 0,
          .last_of_epoch = in_epoch + 1 == stage_.steps_per_epoch};
}

void Generation::Report(StepReport& report, absl::Duration took) {
  sums_.StepTook(took);
  throughput_.seconds += absl::ToDoubleSeconds(took);
  const checkpoint::Progress& progress = state_.progress;
  const auto samples = static_cast<double>(progress.epoch_samples);
  report.step = progress.step;
  report.epoch = progress.epoch;
  report.train_loss = progress.epoch_loss / samples;
  report.train_accuracy = static_cast<double>(progress.epoch_correct) / samples;
  report.images_per_second = throughput_.images_per_second();
  gang_.observer.StepDone(report);
}

absl::Status Generation::EndEpoch() {
  const checkpoint::Progress& progress = state_.progress;
  const auto samples = static_cast<double>(progress.epoch_samples);
  EpochMetrics metrics;
  metrics.epoch = stage_.EpochAfter(progress.step);
  metrics.step = progress.step;
  metrics.train_loss = progress.epoch_loss / samples;
  metrics.train_accuracy = static_cast<double>(progress.epoch_correct) / samples;
  if (plan_.dataset->size(data::Split::kValidation) > 0) {
    HEBB_ASSIGN_OR_RETURN(const Evaluation evaluation,
                          EvaluateSplit(state_.engine(), *plan_.dataset, data::Split::kValidation,
                                        gang_.communicator, gang_.requests.backstop));
    metrics.validation_accuracy = evaluation.accuracy();
  }
  metrics.alignment = state_.engine().Alignment();
  const int64_t every = plan_.job.diagnostics.every_epochs;
  if (rank_ == 0 && every > 0 && metrics.epoch % every == 0) {
    HEBB_ASSIGN_OR_RETURN(metrics.layers, Diagnose());
  }
  metrics.seconds = absl::ToDoubleSeconds(SteadyNow() - epoch_begin_);
  state_.validation_accuracy = metrics.validation_accuracy;
  state_.epoch_reported = true;
  gang_.observer.EpochDone(metrics);
  return absl::OkStatus();
}

// On the first training records, the same in every epoch, so that epochs can be compared.
std::vector<engine::Sample> Generation::FirstRecords() const {
  std::vector<engine::Sample> samples;
  for (int64_t index = 0; index < std::min(plan_.records, kDiagnosedRecords); ++index) {
    const data::Record record = plan_.dataset->Get(data::Split::kTrain, index);
    samples.push_back({record.pixels, record.label, index});
  }
  return samples;
}

absl::StatusOr<std::vector<engine::LayerDiagnostics>> Generation::Diagnose() {
  const std::span<const std::span<const float>> sums = sums_.sums();
  return state_.engine().Diagnose(ContextAfter(state_.progress.step - 1, plan_.records),
                                  FirstRecords(), stepped_ ? sums : sums.first(0));
}

absl::Status Generation::Finish(FinalMetrics& final) {
  const data::Dataset& dataset = *plan_.dataset;
  const bool trained = plan_.job.kind == spec::Kind::kTrain;
  FinalMetrics metrics;
  if (plan_.job.kind == spec::Kind::kVerify) return SaveAndAgree();
  if (plan_.job.kind == spec::Kind::kAudit) {
    if (rank_ != 0) return absl::OkStatus();
    HEBB_ASSIGN_OR_RETURN(final.audit,
                          state_.engine().Audit(ContextAfter(0, plan_.records), FirstRecords()));
    return absl::OkStatus();
  }
  if (trained) {
    // Saved before the test, so that whatever happens to the test loses no step.
    HEBB_RETURN_IF_ERROR(SaveAndAgree());
    metrics.validation_accuracy = state_.validation_accuracy;
  } else if (dataset.size(data::Split::kValidation) > 0) {
    HEBB_ASSIGN_OR_RETURN(const Evaluation validation,
                          EvaluateSplit(state_.engine(), dataset, data::Split::kValidation,
                                        gang_.communicator, gang_.requests.backstop));
    metrics.validation_accuracy = validation.accuracy();
  }
  if (dataset.size(data::Split::kTest) > 0) {
    HEBB_ASSIGN_OR_RETURN(const Evaluation test,
                          EvaluateSplit(state_.engine(), dataset, data::Split::kTest,
                                        gang_.communicator, gang_.requests.backstop));
    metrics.test_accuracy = test.accuracy();
    metrics.test_loss = test.mean_loss();
  }
  final = metrics;
  return absl::OkStatus();
}

absl::Status Generation::Save() {
  if (saved_step_ == state_.progress.step) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(gang_.observer.SaveCheckpoint(state_.CheckpointWriter()));
  saved_step_ = state_.progress.step;
  return absl::OkStatus();
}

// The others wait for rank 0's save, so that they can still take over if it dies meanwhile.
absl::Status Generation::SaveAndAgree() {
  absl::Status saved;
  if (rank_ == 0) saved = Save();
  auto outcome = std::byte{saved.ok()};
  HEBB_RETURN_IF_ERROR(gang_.communicator.Broadcast({&outcome, 1}, 0, SteadyNow() + kSaveBackstop));
  if (!saved.ok() || outcome == std::byte{1}) return saved;
  return absl::FailedPreconditionError(absl::StrCat("rank 0 could not save the checkpoint of step ",
                                                    state_.progress.step,
                                                    "; its log has the cause"));
}

}  // namespace hebb::train
