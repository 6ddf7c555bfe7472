// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/attempt.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/rpc/spec.h"
#include "common/spec/stages.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/runtime/data_digests.h"
#include "worker/runtime/epoch_record.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {
namespace {

constexpr absl::Duration kProgressEvery = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

// What the loss or the slowness of others causes; everything else is the job's own fault.
bool IsPassing(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsCancelled(status);
}

bool InMpiWorld(const v1::FormGang& form) { return form.backend() == "mpi" && form.size() > 1; }

GangPlan PlanOf(const v1::FormGang& form) {
  const v1::GenerationId& id = form.generation();
  GangPlan plan;
  plan.backend = form.backend();
  plan.name = absl::StrCat(id.job(), "/", id.attempt(), "/", id.generation());
  plan.topology = {form.rank(), form.size()};
  plan.mpi_ranks.assign(form.mpi_ranks().begin(), form.mpi_ranks().end());
  return plan;
}

}  // namespace

Attempt::Attempt(const AttemptContext& context, Assignment& assignment,
                 std::function<Times()> times)
    : context_(context), assignment_(assignment), times_(std::move(times)) {}

void Attempt::Run() {
  context_.metrics.BeginJob(assignment_.assign().job());
  const absl::Status prepared = Prepare();
  if (assignment_.released()) return;
  if (prepared.ok()) {
    LookAtDevice();
    assignment_.LogLine(LogLevel::kInfo,
                        absl::StrCat("prepared: data ", job_.dataset.name, ", start at step ",
                                     trainer_->step(), " of ", trainer_->total_steps()));
    Report("", false);
  } else if (!DeviceIsLost(prepared)) {
    Report(std::string(prepared.message()), true);
  }
  while (Generation* generation = assignment_.AwaitGang()) {
    if (!prepared.ok()) {  // a coordinator that forms a gang with us nevertheless
      assignment_.OutOfGang();
      Report(std::string(prepared.message()), true);
    } else if (Take(*generation) == Next::kDone) {
      return;
    }
  }
  if (restart_at_end_) context_.restart_wanted();
}

// ---- preparation -------------------------------------------------------------------------------

absl::Status Attempt::Prepare() {
  HEBB_ASSIGN_OR_RETURN(job_, rpc::SpecFromProto(assignment_.assign().spec()));
  HEBB_ASSIGN_OR_RETURN(dataset_, context_.numerics.open_dataset(job_.dataset));
  HEBB_ASSIGN_OR_RETURN(auto digests, DigestsOf(job_.dataset, dataset_->files()));
  assignment_.SetData(std::move(digests));
  if (assignment_.released()) return absl::CancelledError("released");
  HEBB_ASSIGN_OR_RETURN(trainer_,
                        context_.numerics.create_trainer(
                            {job_, assignment_.assign().job(), context_.threads}, *dataset_));
  HEBB_RETURN_IF_ERROR(LoadStartState());
  const v1::Assign& assign = assignment_.assign();
  CheckpointUploader::Options options;
  options.folder = absl::StrCat(context_.spool_folder, "/", assign.job(), "-", assign.attempt());
  options.keep = job_.checkpoint.keep;
  options.generation = [this] { return assignment_.generation(); };
  options.upload = [this](const v1::CheckpointId& id, rpc::ChunkReader& chunks,
                          Cancellation& cancellation) {
    const absl::Time begin = SteadyNow();
    const absl::Status status = context_.channel.UploadCheckpoint(id, chunks, cancellation);
    if (status.ok()) context_.metrics.CheckpointUploadTook(SteadyNow() - begin);
    return status;
  };
  options.uploaded = [this](int64_t step, const absl::Status& status) {
    context_.metrics.CheckpointUploaded(status.ok());
    if (status.ok()) return;
    assignment_.LogLine(LogLevel::kWarning, absl::StrCat("checkpoint of step ", step,
                                                         " not stored: ", status.message()));
  };
  HEBB_ASSIGN_OR_RETURN(uploader_, CheckpointUploader::Create(std::move(options)));
  return absl::OkStatus();
}

absl::Status Attempt::LoadStartState() {
  const v1::Assign& assign = assignment_.assign();
  if (assign.has_resume()) {
    HEBB_ASSIGN_OR_RETURN(const std::string bytes, Download(assign.resume()));
    return trainer_->LoadCheckpoint(
        bytes, absl::StrCat("checkpoint of step ", assign.resume().step(), " (",
                            assign.resume().sha256().substr(0, 12), ")"));
  }
  if (assign.has_init()) {
    HEBB_ASSIGN_OR_RETURN(const std::string bytes, Download(assign.init()));
    return trainer_->LoadInitialWeights(bytes, job_.init.from);
  }
  return absl::OkStatus();
}

// Tries for as long as the coordinator is away.
absl::StatusOr<std::string> Attempt::Download(const v1::StoredFile& file) {
  Cancellation& cancellation = assignment_.cancellation();
  absl::Duration pause = absl::Milliseconds(50);
  while (true) {
    absl::StatusOr<std::string> bytes = context_.channel.Download(file, cancellation);
    const bool away =
        absl::IsUnavailable(bytes.status()) || absl::IsDeadlineExceeded(bytes.status());
    if (!away || !cancellation.Pause(pause)) return bytes;
    pause = std::min(2 * pause, kLongestPause);
  }
}

// ---- a generation ------------------------------------------------------------------------------

Attempt::Next Attempt::Take(Generation& generation) {
  absl::StatusOr<train::RunEnd> end = Train(generation);
  assignment_.OutOfGang();
  if (progress_due_) SendProgress();
  if (!end.ok()) return Broken(generation, end.status());
  switch (*end) {
    case train::RunEnd::kLeft:
      assignment_.LogLine(LogLevel::kInfo,
                          absl::StrCat("left the gang after step ", trainer_->step()));
      Report("", false);
      return Next::kWaitForGang;
    case train::RunEnd::kStopped:
      return Conclude(generation, v1::AttemptResult::STOPPED);
    case train::RunEnd::kFinished:
      break;
  }
  if (const absl::Status audit = ReportAudit(); !audit.ok()) return Broken(generation, audit);
  return Conclude(generation, v1::AttemptResult::SUCCEEDED);
}

// What the audit found goes to the job's log; a read of forward weights fails the job.
absl::Status Attempt::ReportAudit() {
  const std::optional<engine::AuditReport>& audit = trainer_->final_metrics().audit;
  if (!audit) return absl::OkStatus();
  for (const std::string& read : audit->reads) {
    assignment_.LogLine(LogLevel::kError, absl::StrCat("audit: ", read));
  }
  for (const std::string& note : audit->notes) {
    assignment_.LogLine(LogLevel::kInfo, absl::StrCat("audit, a note: ", note));
  }
  if (audit->reads.empty()) {
    assignment_.LogLine(LogLevel::kInfo, "audit: the feedback path reads no forward weight");
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "audit: weight transport: ", audit->reads.front(),
      audit->reads.size() == 1 ? std::string()
                               : absl::StrCat(" (and ", audit->reads.size() - 1, " more)")));
}

absl::StatusOr<train::RunEnd> Attempt::Train(Generation& generation) {
  const v1::FormGang& form = generation.form;
  const GangPlan plan = PlanOf(form);
  topology_ = plan.topology;
  next_progress_ = absl::InfinitePast();
  HEBB_RETURN_IF_ERROR(CheckState(form));
  const Times times = times_();  // backstops only: who is lost is for the coordinator to say
  generation.requests.backstop = times.collective;
  CoordinatorRendezvous rendezvous(context_.channel, form.generation(), generation.cancellation);
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<comm::Communicator> communicator,
                        context_.numerics.form_gang(plan, rendezvous, generation.cancellation,
                                                    SteadyNow() + times.form));
  // Ends before the communicator does.
  Cancellation::Scope abort(generation.cancellation, [&communicator](const std::string& reason) {
    communicator->Abort(reason);
  });
  assignment_.LogLine(
      LogLevel::kInfo,
      absl::StrCat("generation ", form.generation().generation(), " formed: rank ", form.rank(),
                   " of ", form.size(), ", ", std::string(communicator->backend()), ", step ",
                   form.start_step()));
  context_.metrics.GenerationFormed(form.size());
  const std::vector<int> wanted(form.state_wanted().begin(), form.state_wanted().end());
  if (!wanted.empty()) {
    HEBB_RETURN_IF_ERROR(
        trainer_->SyncState(*communicator, form.state_source(), wanted, SteadyNow() + times.sync));
  }
  return trainer_->Run(*communicator, generation.requests, *this);
}

// The coordinator formed the generation on what it had been told, which may be older than our state
// if its word crossed ours. Then all must say again where they stand.
absl::Status Attempt::CheckState(const v1::FormGang& form) const {
  const bool receives = std::find(form.state_wanted().begin(), form.state_wanted().end(),
                                  form.rank()) != form.state_wanted().end();
  if (receives || trainer_->step() == form.start_step()) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("formed for step ", form.start_step(),
                                         ", but this rank is at step ", trainer_->step()));
}

// A device that has failed once fails every later call, so one that is asked for no part of a job
// tells. Neither the weights nor their digest can be read any more.
bool Attempt::DeviceIsLost(const absl::Status& status) {
  if (context_.gpu == nullptr || context_.gpu->Look().ok()) return false;
  const std::string reason = absl::StrCat("its GPU fails: ", status.message());
  assignment_.LogLine(LogLevel::kError, reason);
  context_.device_lost(reason);
  return true;
}

void Attempt::LookAtDevice() {
  if (context_.gpu == nullptr) return;
  const absl::StatusOr<gpu::MemoryInfo> memory = context_.gpu->Look();
  if (memory.ok()) context_.metrics.SetDeviceMemory(memory->total, memory->free);
}

Attempt::Next Attempt::Broken(const Generation& generation, const absl::Status& status) {
  if (DeviceIsLost(status)) return Next::kWaitForGang;
  // What was cancelled fails in many ways; the reason is the cancellation's.
  const bool cancelled = generation.cancellation.cancelled();
  const bool fatal = !cancelled && !IsPassing(status);
  if (train::IsLossNotFinite(status)) context_.metrics.LossNotFinite();
  const std::string cause =
      cancelled ? generation.cancellation.reason() : std::string(status.message());
  const bool in_world = InMpiWorld(generation.form);
  if (assignment_.released()) {
    restart_at_end_ = in_world;
    return Next::kWaitForGang;
  }
  assignment_.LogLine(fatal ? LogLevel::kError : LogLevel::kWarning,
                      absl::StrCat("out of generation ", generation.form.generation().generation(),
                                   " after step ", trainer_->step(), ": ", cause));
  if (in_world && !fatal) {
    context_.restart_wanted();
    return Next::kWaitForGang;
  }
  restart_at_end_ = in_world;  // once the coordinator has heard what is wrong
  Report(cause, fatal);
  return Next::kWaitForGang;
}

Attempt::Next Attempt::Conclude(Generation& generation, v1::AttemptResult::Outcome outcome) {
  const bool stopped = outcome == v1::AttemptResult::STOPPED;
  if (topology_.rank == 0) {
    if (stopped)
      assignment_.LogLine(LogLevel::kInfo, absl::StrCat("stopped after step ", trainer_->step()));
    const absl::Status sent = uploader_->AwaitSent(generation.cancellation);
    if (!sent.ok()) return Broken(generation, sent);
  }
  if (!stopped)
    assignment_.LogLine(LogLevel::kInfo, absl::StrCat("finished at step ", trainer_->step()));
  if (assignment_.Finish(Result(outcome))) return Next::kDone;
  return Broken(generation, absl::AbortedError("a member was lost before the result was stored"));
}

void Attempt::Report(const std::string& cause, bool fatal) {
  if (trainer_ == nullptr) {
    if (fatal) assignment_.LogLine(LogLevel::kError, cause);
    return assignment_.Report(0, "", cause, fatal);
  }
  assignment_.Report(trainer_->step(), trainer_->WeightsDigest(), cause, fatal);
}

v1::AttemptResult Attempt::Result(v1::AttemptResult::Outcome outcome) const {
  v1::AttemptResult result;
  result.set_outcome(outcome);
  result.set_step(trainer_->step());
  result.set_weights_digest(trainer_->WeightsDigest());
  v1::Metrics& metrics = *result.mutable_metrics();
  if (last_epoch_) FillMetrics(*last_epoch_, metrics);
  if (outcome == v1::AttemptResult::SUCCEEDED) FillMetrics(trainer_->final_metrics(), metrics);
  if (last_step_) result.set_images_per_second(last_step_->images_per_second);
  return result;
}

// ---- train::Observer ---------------------------------------------------------------------------

void Attempt::StepDone(const train::StepReport& report) {
  last_step_ = report;
  progress_due_ = true;
  assignment_.SetStep(report.step);
  context_.metrics.StepDone(report);
  if (SteadyNow() >= next_progress_) SendProgress();
}

void Attempt::SendProgress() {
  v1::Progress progress;
  progress.set_step(last_step_->step);
  progress.set_epoch(last_step_->epoch);
  progress.set_total_steps(trainer_->total_steps());
  progress.set_images_per_second(last_step_->images_per_second);
  progress.set_train_loss(last_step_->train_loss);
  progress.set_train_accuracy(last_step_->train_accuracy);
  assignment_.Progress(std::move(progress));
  progress_due_ = false;
  next_progress_ = SteadyNow() + kProgressEvery;
}

void Attempt::EpochDone(const train::EpochMetrics& metrics) {
  last_epoch_ = metrics;
  LookAtDevice();
  if (progress_due_) SendProgress();
  context_.metrics.EpochDone(metrics);
  assignment_.EpochDone(MakeEpochRecord(metrics));
  if (topology_.rank != 0) return;
  assignment_.LogLine(LogLevel::kInfo, EpochLine(metrics, spec::TotalEpochs(job_)));
}

void Attempt::DigestDone(int64_t step, const std::string& weights_digest) {
  assignment_.DigestDone(step, weights_digest);
}

absl::Status Attempt::SaveCheckpoint(const checkpoint::Writer& checkpoint) {
  const absl::Time begin = SteadyNow();
  const absl::Status on_disk = uploader_->Add(checkpoint);
  context_.metrics.CheckpointSaved(on_disk.ok(), SteadyNow() - begin);
  if (!on_disk.ok()) {
    assignment_.LogLine(LogLevel::kWarning, absl::StrCat("checkpoint of step ", checkpoint.step(),
                                                         " waits in memory, for the disk ",
                                                         "does not take it: ", on_disk.message()));
  }
  return absl::OkStatus();
}

}  // namespace hebb::runtime
