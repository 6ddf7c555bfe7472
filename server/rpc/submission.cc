// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/submission.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/byte_size.h"
#include "common/rpc/spec.h"
#include "common/spec/parse.h"
#include "common/spec/shapes.h"
#include "common/spec/stages.h"
#include "common/spec/summary.h"
#include "common/spec/words.h"
#include "common/status_macros.h"
#include "common/sweep/sweep_file.h"
#include "server/rpc/authenticator.h"

namespace hebb::rpc {
namespace {

constexpr int kIdTries = 10;

std::string DeviceName(spec::Device device) {
  switch (device) {
    case spec::Device::kCpu:
      return "cpu";
    case spec::Device::kCuda:
      return "cuda";
    case spec::Device::kAny:
      break;
  }
  return "any";
}

// What the file and the set's own size tell; 0 where only the data's files do.
int64_t TotalSteps(const spec::Job& spec) {
  const auto facts = spec::FactsOfDataset(spec.dataset.name);
  if (spec.kind != spec::Kind::kTrain || !facts.ok() || !spec.dataset.path.empty()) return 0;
  const int64_t records = facts->train_records - spec.dataset.validation;
  if (records <= 0) return 0;
  int64_t steps = 0;
  for (const spec::Job& stage : spec::StagesOf(spec)) {
    steps += spec::StepsPerEpoch(stage, records) * stage.learning.epochs;
  }
  return steps;
}

absl::StatusOr<job::Job> Store(const Context& context, job::Job job) {
  absl::StatusOr<job::Job> stored = StoreUnderNewId(context, std::move(job));
  if (stored.ok()) context.controller.Wake();
  return stored;
}

}  // namespace

absl::StatusOr<spec::Job> ParseSubmission(const v1::SubmitRequest& request) {
  const std::vector<std::string> sets(request.sets().begin(), request.sets().end());
  auto job = spec::ParseJob(request.yaml(), request.file_name(), sets);
  if (job.ok()) return job;
  const auto of_sweep = [](const std::string& set) { return absl::StartsWith(set, "sweep."); };
  const bool is_sweep =
      std::any_of(sets.begin(), sets.end(), of_sweep) || sweep::HasSweepSection(request.yaml());
  if (!is_sweep) return job;
  return absl::InvalidArgumentError(
      absl::StrCat(request.file_name(),
                   ": it has a sweep section, so it is many jobs and not one; "
                   "hand it over with hebb sweep"));
}

std::string NewId(absl::string_view prefix) {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::random_device entropy;
  std::uniform_int_distribution<int> pick(0, sizeof(kLetters) - 2);
  std::string id(prefix);
  for (int i = 0; i < 8; ++i) id += kLetters[pick(entropy)];
  return id;
}

absl::StatusOr<job::Job> StoreUnderNewId(const Context& context, job::Job job) {
  absl::StatusOr<job::Job> stored = absl::InternalError("no job id is free");
  for (int i = 0; i < kIdTries; ++i) {
    job.id = NewId("j-");
    stored = context.jobs.Create(job, context.limits.queued.Of(job.user));
    if (!absl::IsAlreadyExists(stored.status())) break;
  }
  return stored;
}

job::Job MakeJob(const spec::Job& spec, std::string yaml, std::string request_id) {
  job::Job job;
  job.name = spec.name;
  job.spec_json = spec::JobToJson(spec);
  job.spec_digest = spec::SpecDigest(spec);
  job.epochs = spec.learning.epochs;
  job.dataset = spec.dataset.name;
  job.rule = spec::ToWord(spec.learning.rule);
  job.init_sha256 = spec.init.sha256;
  job.yaml = std::move(yaml);
  job.request_id = std::move(request_id);
  job.priority = spec.resources.priority;
  job.workers = spec.resources.workers;
  job.min_workers = spec.resources.min_workers;
  job.device = DeviceName(spec.resources.device);
  job.max_runtime = spec.resources.max_runtime;
  job.gpu_memory = ParseByteSize(spec.resources.gpu_memory).value_or(0);  // checked; "": any
  job.created = absl::Now();
  job.total_steps = TotalSteps(spec);
  return job;
}

absl::Status TakeInit(const Context& context, const v1::SubmitRequest& request, spec::Job& spec) {
  if (spec.init.from.empty()) return absl::OkStatus();
  const absl::Status missing = absl::FailedPreconditionError(
      absl::StrCat(request.file_name(), ": init.from: the file ", spec.init.from,
                   " is not on the coordinator; upload it first (hebb submit does)"));
  if (request.init_sha256().empty()) return missing;
  const auto path = context.blobs.VerifiedPath(request.init_sha256());
  if (absl::IsNotFound(path.status()) || absl::IsInvalidArgument(path.status())) return missing;
  HEBB_RETURN_IF_ERROR(path.status());
  spec.init.sha256 = request.init_sha256();
  return absl::OkStatus();
}

absl::StatusOr<v1::ValidateResponse> Summarize(const Context& context, const spec::Job& spec) {
  v1::ValidateResponse response;
  HEBB_ASSIGN_OR_RETURN(const auto layers, spec::Summarize(spec));
  for (const spec::LayerSummary& layer : layers) {
    v1::LayerSummary& summary = *response.add_layers();
    summary.set_name(layer.name);
    summary.set_kind(layer.kind);
    summary.add_output(layer.output.channels);
    summary.add_output(layer.output.height);
    summary.add_output(layer.output.width);
    summary.set_parameters(layer.parameters);
    response.set_parameters(response.parameters() + layer.parameters);
  }
  if (context.supply != nullptr) {
    const absl::StatusOr<std::string> shown = context.supply->Show(spec);
    response.set_launch_request(
        shown.ok() ? *shown : absl::StrCat("# cannot be shown: ", shown.status().message(), "\n"));
  }
  return response;
}

absl::StatusOr<v1::ValidateResponse> Validate(const Context& context,
                                              const v1::SubmitRequest& request) {
  HEBB_ASSIGN_OR_RETURN(const spec::Job spec, ParseSubmission(request));
  HEBB_ASSIGN_OR_RETURN(v1::ValidateResponse response, Summarize(context, spec));
  HEBB_ASSIGN_OR_RETURN(*response.mutable_spec(), SpecToProto(spec));
  return response;
}

absl::StatusOr<job::Job> Submit(const Context& context, const v1::SubmitRequest& request) {
  HEBB_ASSIGN_OR_RETURN(spec::Job spec, ParseSubmission(request));
  HEBB_RETURN_IF_ERROR(TakeInit(context, request, spec));
  job::Job job = MakeJob(spec, request.yaml(), request.request_id());
  job.user = request.user();
  return Store(context, std::move(job));
}

absl::StatusOr<job::Job> SubmitEvaluation(const Context& context,
                                          const v1::EvaluateRequest& request) {
  HEBB_ASSIGN_OR_RETURN(const job::Job trained, context.jobs.Get(request.job()));
  HEBB_ASSIGN_OR_RETURN(const control::StoredCheckpoint checkpoint,
                        context.checkpoints.NewestIntact(trained.id));
  HEBB_ASSIGN_OR_RETURN(spec::Job spec, spec::JobFromJson(trained.spec_json));
  spec.kind = spec::Kind::kEvaluate;
  spec.name = absl::StrCat(trained.name, "-evaluate");
  spec.resources.min_workers = 1;
  spec.init.from = absl::StrCat("job ", trained.id, " step ", checkpoint.file.step);
  spec.init.sha256 = checkpoint.file.sha256;
  job::Job job = MakeJob(spec, trained.yaml, request.request_id());
  job.user = request.user();
  return Store(context, std::move(job));
}

absl::Status CancelJob(job::Job& job) {
  if (job.state == job::State::kCancelled || job.state == job::State::kCancelling) {
    return absl::OkStatus();
  }
  const bool waits = job.state == job::State::kQueued || job.state == job::State::kPaused;
  job.state = waits ? job::State::kCancelled : job::State::kCancelling;
  job.reason = "cancelled";
  if (waits) job.ended = absl::Now();
  return absl::OkStatus();
}

namespace {

absl::Status PauseJob(job::Job& job) {
  if (job.state == job::State::kPausing || job.state == job::State::kPaused) {
    return absl::OkStatus();
  }
  // The store refuses what the transition table does not have.
  job.state = job.state == job::State::kQueued ? job::State::kPaused : job::State::kPausing;
  job.reason = "paused";
  return absl::OkStatus();
}

absl::Status ResumeJob(job::Job& job) {
  const bool goes_on = job.state == job::State::kQueued || job.state == job::State::kStarting ||
                       job.state == job::State::kRunning;
  if (goes_on) return absl::OkStatus();
  if (job.state == job::State::kPausing) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.id, " is still PAUSING; resume it once it is PAUSED (`hebb pause ",
                     job.id, " --wait`)"));
  }
  job.state = job::State::kQueued;
  job.reason.clear();
  return absl::OkStatus();
}

absl::StatusOr<job::Job> FindOwn(const Context& context, const access::Caller& caller,
                                 const std::string& key) {
  HEBB_ASSIGN_OR_RETURN(job::Job found, context.jobs.Get(key));
  HEBB_RETURN_IF_ERROR(CheckOwner(caller, found.user, absl::StrCat("job ", found.id)));
  return found;
}

void AddEvent(job::Job& job, const access::Caller& caller, job::EventKind kind, std::string text) {
  job.news.push_back(
      {absl::Now(), std::move(text), caller.authenticated ? caller.name : "user", kind});
}

// One step of a job that a user asks for; the control loop does the rest.
absl::StatusOr<job::Job> Step(const Context& context, const access::Caller& caller,
                              const std::string& key, const store::JobStore::Change& change,
                              job::EventKind kind) {
  HEBB_ASSIGN_OR_RETURN(const job::Job found, FindOwn(context, caller, key));
  absl::StatusOr<job::Job> stepped = context.jobs.Update(found.id, [&](job::Job& job) {
    const job::State before = job.state;
    HEBB_RETURN_IF_ERROR(change(job));
    if (job.state == before) return absl::OkStatus();
    AddEvent(job, caller, kind,
             absl::StrCat(job::StateName(before), " to ", job::StateName(job.state)));
    return absl::OkStatus();
  });
  if (stepped.ok()) context.controller.Wake();
  return stepped;
}

absl::Status ArchiveJob(job::Job& job, const access::Caller& caller, bool undo) {
  if (!job::IsTerminal(job.state)) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.id, " is ", job::StateName(job.state),
                     "; only jobs that have ended are archived (`hebb cancel ", job.id, "`)"));
  }
  if ((job.archived == absl::InfiniteFuture()) == undo) return absl::OkStatus();
  if (undo) job.listed = absl::Now();
  job.archived = undo ? absl::InfiniteFuture() : absl::Now();
  if (undo) {
    AddEvent(job, caller, "unarchive", "back in the lists");
  } else {
    AddEvent(job, caller, "archive", "archived");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<job::Job> Cancel(const Context& context, const access::Caller& caller,
                                const std::string& key) {
  return Step(context, caller, key, CancelJob, "cancel");
}

absl::StatusOr<job::Job> Pause(const Context& context, const access::Caller& caller,
                               const std::string& key) {
  return Step(context, caller, key, PauseJob, "pause");
}

absl::StatusOr<job::Job> Resume(const Context& context, const access::Caller& caller,
                                const std::string& key) {
  return Step(context, caller, key, ResumeJob, "resume");
}

absl::StatusOr<job::Job> Archive(const Context& context, const access::Caller& caller,
                                 const std::string& key, bool undo) {
  HEBB_ASSIGN_OR_RETURN(const job::Job found, FindOwn(context, caller, key));
  return context.jobs.Update(found.id,
                             [&](job::Job& job) { return ArchiveJob(job, caller, undo); });
}

}  // namespace hebb::rpc
