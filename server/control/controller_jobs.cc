// SPDX-License-Identifier: Apache-2.0
// Which job runs where: the store's jobs against the loop's gangs, the scheduler's decisions.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"
#include "server/control/controller.h"

namespace hebb::control {
namespace {

bool IsActive(job::State state) {
  return state == job::State::kStarting || state == job::State::kRunning ||
         state == job::State::kPausing || state == job::State::kCancelling;
}

// By the wall clock, as the store has it: an attempt may run on under the next coordinator.
absl::Duration TimeUsed(const job::Job& job, absl::Time now) {
  absl::Duration used = absl::ZeroDuration();
  for (const job::Attempt& attempt : job.attempts) {
    if (attempt.started == absl::InfinitePast()) continue;  // not known
    used += std::max(std::min(attempt.ended, now) - attempt.started, absl::ZeroDuration());
  }
  return used;
}

}  // namespace

void Controller::Reconcile(absl::Time now) {
  auto jobs = jobs_.List(/*ended=*/false);
  if (!jobs.ok()) {
    LogError(jobs.status().message());
    next_reconcile_ = now + absl::Seconds(1);
    return;
  }
  ForgetEnded(*jobs);
  std::vector<const job::Job*> waiting;
  std::map<std::string, const job::Job*> queued;
  for (const job::Job& job : *jobs) {
    const auto live = live_.find(job.id);
    if (job.state == job::State::kCancelling && live != live_.end()) {
      Live& stopped = *live->second;
      Carry(stopped, stopped.gang.RequestStop(AttemptOutcome::kCancelled, job.reason, now));
    } else if (job.state == job::State::kPausing && live != live_.end()) {
      Live& stopped = *live->second;
      Carry(stopped, stopped.gang.RequestStop(AttemptOutcome::kPaused, job.reason, now));
    }
    if (job.state != job::State::kQueued || live != live_.end()) continue;
    queued[job.id] = &job;
    waiting.push_back(&job);
  }
  // A running job that lost a member takes its replacement before a waiting job that ranks no
  // higher takes the worker.
  int64_t highest = std::numeric_limits<int64_t>::min();
  for (const job::Job* job : waiting) highest = std::max(highest, job->priority);
  AddJoiners(now, highest, {});
  scheduler::Decision decision = scheduler::Schedule(MakeView(waiting, now), now);
  next_reconcile_ = std::min(next_reconcile_, decision.look_again);
  for (const scheduler::Start& start : decision.starts) {
    const std::string unfit = StartWithFit(start, *queued.at(start.job), now);
    if (unfit.empty()) continue;
    decision.waits.push_back({start.job, scheduler::WaitReason::kUnfitWorkers, unfit});
  }
  Preempt(decision, now);
  const std::set<std::string> kept(decision.kept.begin(), decision.kept.end());
  AddJoiners(now, std::numeric_limits<int64_t>::min(), kept);
  PublishWaits(std::move(decision.waits));
}

void Controller::ForgetEnded(const std::vector<job::Job>& living) {
  std::set<std::string> ids;
  for (const job::Job& job : living) ids.insert(job.id);
  const auto ended = [&](const auto& item) { return !ids.contains(item.first); };
  std::erase_if(losses_, ended);
  std::erase_if(unfit_, ended);
}

std::optional<absl::Duration> Controller::RunsAtMost(const job::Job& job) {
  if (job.max_runtime <= 0) return std::nullopt;
  return std::max(absl::Seconds(job.max_runtime) - TimeUsed(job, absl::Now()),
                  absl::ZeroDuration());
}

bool Controller::IsUnfit(const std::string& job, const std::string& worker, absl::Time now) {
  const auto of_job = unfit_.find(job);
  if (of_job == unfit_.end()) return false;
  const auto found = of_job->second.find(worker);
  if (found == of_job->second.end()) return false;
  if (now < found->second) {
    next_reconcile_ = std::min(next_reconcile_, found->second);
    return true;
  }
  of_job->second.erase(found);
  if (of_job->second.empty()) unfit_.erase(of_job);
  return false;
}

std::string Controller::StartWithFit(const scheduler::Start& start, const job::Job& job,
                                     absl::Time now) {
  scheduler::Start fit{start.job, {}};
  std::vector<std::string> unfit;
  for (const std::string& worker : start.workers) {
    (IsUnfit(job.id, worker, now) ? unfit : fit.workers).push_back(worker);
  }
  if (static_cast<int64_t>(fit.workers.size()) >= std::max<int64_t>(job.min_workers, 1)) {
    StartJob(fit, now);
    return "";
  }
  return absl::StrCat("waits for other workers or another try: ", absl::StrJoin(unfit, ", "),
                      " could not prepare for it; its events say why");
}

absl::Status Controller::FindFiles(Live& live) {
  const auto provenance = jobs_.ReadProvenance(live.job.id);
  if (provenance.ok()) live.provenance = *provenance;
  HEBB_ASSIGN_OR_RETURN(const spec::Job spec, spec::JobFromJson(live.job.spec_json));
  live.exact = spec.data_parallel.slices > 0;
  if (spec.kind == spec::Kind::kVerify) {
    live.verified = Verified{spec.verification.job, spec.verification.from_step};
  }
  if (const auto left = RunsAtMost(live.job)) live.runtime_ends = options_.clock() + *left;
  if (!spec.init.sha256.empty()) {
    HEBB_ASSIGN_OR_RETURN(const std::string path, blobs_.VerifiedPath(spec.init.sha256));
    std::error_code error;
    const auto bytes = std::filesystem::file_size(path, error);
    if (error) return absl::DataLossError(absl::StrCat(path, ": ", error.message()));
    job::FileRef init;
    init.sha256 = spec.init.sha256;
    init.bytes = static_cast<int64_t>(bytes);
    live.init = init;
  }
  const auto checkpoint = checkpoints_.NewestIntact(live.job.id);
  if (checkpoint.ok()) {
    live.resume = checkpoint->file;
  } else if (absl::IsDataLoss(checkpoint.status())) {
    // Every step can be computed again, so the job goes on from the start, and says so.
    AddEvent(live.job.id, "checkpoint_damaged",
             absl::StrCat(checkpoint.status().message(), "; it starts again from step 0"));
  } else if (!absl::IsNotFound(checkpoint.status())) {
    return checkpoint.status();
  }
  return absl::OkStatus();
}

std::unique_ptr<Controller::Live> Controller::MakeLive(const job::Job& job) {
  GangOptions gang;
  gang.job = job.id;
  gang.attempt = job.attempts.back().number;
  gang.workers = job.workers;
  gang.min_workers = job.min_workers;
  gang.start_step = job.attempts.back().start_step;
  gang.times = options_.times;
  auto live = std::make_unique<Live>(std::move(gang));
  live->job = job;
  live->since = options_.clock();
  return live;
}

bool Controller::RecoverJobs(absl::Time now) {
  const absl::Status usage = RecoverUsage();
  const auto jobs = jobs_.List(/*ended=*/false);
  if (!usage.ok() || !jobs.ok()) {
    LogError(usage.ok() ? jobs.status().message() : usage.message());
    return false;
  }
  for (const job::Job& job : *jobs) {
    if (!IsActive(job.state)) continue;
    const auto whole = jobs_.Get(job.id);  // with the spec that its workers are told
    if (!whole.ok()) {
      LogError(whole.status().message());
      return false;
    }
    Recover(*whole, now);
  }
  return true;
}

// After a restart: the job runs somewhere, or did; its members have the lease to come back.
void Controller::Recover(const job::Job& job, absl::Time now) {
  if (job.attempts.empty()) {
    LogError("an active job without an attempt", {{"job", job.id}});
    return;
  }
  auto live = MakeLive(job);
  const absl::Status status = FindFiles(*live);
  if (!status.ok()) LogWarning(status.message(), {{"job", job.id}});
  Effects effects = live->gang.Restore(job.attempts.back().generation, job.members, now);
  Live& kept = *(live_[job.id] = std::move(live));
  AddEvent(job.id, "coordinator_restarted",
           absl::StrCat("the coordinator has restarted; attempt ", job.attempts.back().number,
                        " is out of reach until its workers "
                        "attach again"));
  Carry(kept, std::move(effects));
}

void Controller::StartJob(const scheduler::Start& start, absl::Time now) {
  std::vector<WorkerFacts> facts;
  std::vector<job::Member> members;
  for (const std::string& worker : start.workers) {
    const WorkerEntry* entry = workers_.Find(worker);
    if (entry == nullptr || !workers_.IsIdle(*entry, now)) return;
    members.push_back(
        {static_cast<int>(members.size()), worker, entry->facts.host, entry->facts.device});
    facts.push_back(entry->facts);
  }
  auto current = jobs_.Get(start.job);
  if (!current.ok()) return;
  job::Attempt attempt;
  attempt.number = static_cast<int>(current->attempts.size()) + 1;
  attempt.started = absl::Now();
  current->attempts.push_back(attempt);
  auto live = MakeLive(*current);
  const absl::Status files = FindFiles(*live);
  if (live->resume) attempt.start_step = live->resume->step;
  const auto written = jobs_.Update(start.job, [&](job::Job& job) {
    if (job.state != job::State::kQueued) return absl::AbortedError("it is queued no more");
    job.attempts.push_back(attempt);
    job.state = files.ok() ? job::State::kStarting : job::State::kFailed;
    job.reason = files.ok() ? "" : std::string(files.message());
    if (files.ok()) {
      job.members = members;
      return absl::OkStatus();
    }
    job.ended = absl::Now();
    job.attempts.back().ended = job.ended;
    job.attempts.back().outcome = std::string(OutcomeName(AttemptOutcome::kFailed));
    job.attempts.back().reason = job.reason;
    job.failure.emplace();
    job.failure->attempt = attempt.number;
    job.failure->error = job.reason;
    return absl::OkStatus();
  });
  if (!written.ok()) {
    if (!absl::IsAborted(written.status())) {
      LogError(written.status().message(), {{"job", start.job}});
      next_reconcile_ = std::min(next_reconcile_, now + absl::Seconds(1));
    }
    return;
  }
  if (!files.ok()) {
    AddEvent(start.job, "failed", absl::StrCat("failed: ", files.message()));
    return;
  }
  options_.observer->Decided("started");
  if (attempt.number == 1) options_.observer->QueueWaited(absl::Now() - current->created);
  if (current->step > attempt.start_step) {
    options_.observer->StepsLost(current->step - attempt.start_step);
  }
  auto ready = MakeLive(*written);
  ready->resume = live->resume;
  ready->init = live->init;
  ready->runtime_ends = live->runtime_ends;
  ready->exact = live->exact;
  ready->verified = live->verified;
  ready->provenance = std::move(live->provenance);
  AddEvent(start.job, "started",
           absl::StrCat("attempt ", attempt.number, " starts on ",
                        absl::StrJoin(start.workers, ", "), " from step ", attempt.start_step));
  Live& kept = *(live_[start.job] = std::move(ready));
  Carry(kept, kept.gang.Start(facts, now));
}

void Controller::AddJoiners(absl::Time now, int64_t priority, const std::set<std::string>& kept) {
  for (auto& [id, live] : live_) {
    if (live->job.priority < priority || AtLimit(live->job.user)) continue;
    if (!live->gang.CanTakeJoiner()) continue;  // most: do not list the workers for them
    for (const scheduler::IdleWorker& idle : workers_.Idle(now)) {
      if (!live->gang.CanTakeJoiner() || AtLimit(live->job.user)) break;
      if (kept.contains(idle.id)) continue;
      const WorkerFacts* example = live->gang.Example();
      const bool fits = idle.device == example->device && idle.mpi_world.empty() &&
                        idle.kernel_family == example->kernel_family &&
                        (idle.device != "cuda" || idle.memory_free >= live->job.gpu_memory);
      if (!fits || IsUnfit(id, idle.id, now)) continue;
      const WorkerFacts facts = workers_.Find(idle.id)->facts;
      AddEvent(id, "worker_joins",
               absl::StrCat("worker ", idle.id, " (host ", facts.host, ") is to join"), idle.id);
      Carry(*live, live->gang.OnJoiner(facts, now));
    }
  }
}

}  // namespace hebb::control
