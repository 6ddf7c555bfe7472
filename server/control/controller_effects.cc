// SPDX-License-Identifier: Apache-2.0
// What gangs want, carried out in order: words to workers, the rendezvous, the store.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "server/control/controller.h"

namespace hebb::control {
namespace {

constexpr absl::Duration kRetryPauseMax = absl::Seconds(30);
constexpr absl::Duration kStoreRetry = absl::Seconds(1);
// What a member of an MPI world has to finish a step, see that its world ends, and exit.
constexpr absl::Duration kExitWithin = absl::Seconds(30);

void MergeResult(const AttemptResult& result, job::Job& job) {
  job.step = std::max(job.step, result.step);
  if (!result.weights_digest.empty()) job.weights_digest = result.weights_digest;
  if (result.images_per_second > 0) job.images_per_second = result.images_per_second;
  const job::Metrics& metrics = result.metrics;
  if (metrics.train_loss) job.metrics.train_loss = metrics.train_loss;
  if (metrics.train_accuracy) job.metrics.train_accuracy = metrics.train_accuracy;
  if (metrics.validation_accuracy) job.metrics.validation_accuracy = metrics.validation_accuracy;
  if (metrics.test_accuracy) job.metrics.test_accuracy = metrics.test_accuracy;
  if (metrics.test_loss) job.metrics.test_loss = metrics.test_loss;
}

void MergeProgress(const Progress& progress, job::Job& job) {
  job.step = progress.step;
  job.epoch = progress.epoch;
  job.total_steps = progress.total_steps;
  if (progress.images_per_second > 0) job.images_per_second = progress.images_per_second;
  job.metrics.train_loss = progress.train_loss;
  job.metrics.train_accuracy = progress.train_accuracy;
}

job::State StateAfter(const End& end, job::State now, bool give_up) {
  switch (end.outcome) {
    case AttemptOutcome::kSucceeded:
      return job::State::kSucceeded;
    case AttemptOutcome::kFailed:
      return job::State::kFailed;
    case AttemptOutcome::kCancelled:
      return job::State::kCancelled;
    case AttemptOutcome::kPaused:
    case AttemptOutcome::kPreempted:
    case AttemptOutcome::kLost:
      break;
  }
  if (now == job::State::kCancelling) return job::State::kCancelled;
  if (now == job::State::kPausing) return job::State::kPaused;
  return give_up ? job::State::kFailed : job::State::kQueued;
}

job::EventKind KindOf(AttemptOutcome outcome) {
  switch (outcome) {
    case AttemptOutcome::kSucceeded:
      return "attempt_succeeded";
    case AttemptOutcome::kFailed:
      return "attempt_failed";
    case AttemptOutcome::kCancelled:
      return "attempt_cancelled";
    case AttemptOutcome::kPaused:
      return "attempt_paused";
    case AttemptOutcome::kPreempted:
      return "attempt_preempted";
    case AttemptOutcome::kLost:
      break;
  }
  return "attempt_lost";
}

std::string TextOf(int attempt, const End& end) {
  return absl::StrCat("attempt ", attempt, " ", OutcomeName(end.outcome),
                      end.reason.empty() ? "" : ": ", end.reason);
}

}  // namespace

void Controller::AddEvent(const std::string& job, job::EventKind kind, const std::string& text,
                          absl::string_view actor) {
  LogInfo(text, {{"job", job}});
  const absl::Status status = jobs_.AppendEvent(job, {absl::Now(), text, std::string(actor), kind});
  if (!status.ok()) LogError(status.message(), {{"job", job}});
}

void Controller::Carry(Live& live, Effects effects) {
  for (size_t i = 0; i < effects.size(); ++i) {
    if (CarryOne(live, effects[i])) continue;
    if (std::holds_alternative<Commit>(effects[i])) {
      // What was formed was never told: the attempt ends, and its End may go through later.
      Carry(live, live.gang.Abandon("its new generation could not be written down"));
    } else {
      live.undone.assign(effects.begin() + static_cast<std::ptrdiff_t>(i), effects.end());
      live.retry_at = options_.clock() + kStoreRetry;
    }
    return;
  }
}

bool Controller::CarryOne(Live& live, const Effect& effect) {
  const std::string& job = live.job.id;
  if (const auto* prepare = std::get_if<Prepare>(&effect)) {
    CarryPrepare(live, prepare->worker);
  } else if (const auto* send = std::get_if<Send>(&effect)) {
    workers_.Send(send->worker, send->message);
  } else if (const auto* commit = std::get_if<Commit>(&effect)) {
    return CarryCommit(live, commit->formation);
  } else if (const auto* close = std::get_if<Close>(&effect)) {
    rendezvous_.Close({job, live.gang.options().attempt, close->generation});
  } else if (const auto* lost = std::get_if<Lost>(&effect)) {
    dirty_ = true;
    job::EventKind kind = "worker_lost";
    if (lost->unfit) {
      kind = "worker_left_out";
      unfit_[job][lost->worker] = options_.clock() + options_.unfit_pause;
    } else if (lost->planned) {
      kind = "worker_drained";
    } else {
      ++recoveries_["worker_lost"];
    }
    FreeWorker(lost->worker, job);
    AddEvent(job, kind, lost->text, lost->worker);
  } else if (const auto* retire = std::get_if<Retire>(&effect)) {
    FreeWorker(retire->worker, job);
    workers_.Retire(retire->worker, options_.clock() + kExitWithin);
  } else if (const auto* note = std::get_if<Note>(&effect)) {
    AddEvent(job, "gang", note->text);
  } else if (const auto* end = std::get_if<End>(&effect)) {
    return CarryEnd(live, *end);
  }
  return true;
}

void Controller::FreeWorker(const std::string& worker, const std::string& job) {
  WorkerEntry* entry = workers_.Find(worker);
  if (entry != nullptr && entry->job == job) entry->job.clear();
}

void Controller::CarryPrepare(Live& live, const std::string& worker) {
  WorkerEntry* entry = workers_.Find(worker);
  if (entry == nullptr) return;
  entry->job = live.job.id;
  Assign assign{live.job.id,        live.gang.options().attempt,
                live.job.spec_json, live.job.spec_digest,
                std::nullopt,       live.init};
  // Later on the gang itself has a newer state than any checkpoint.
  if (live.gang.generation() == 0) assign.resume = live.resume;
  if (entry->link != nullptr) entry->link->Send(assign);
}

bool Controller::CarryCommit(Live& live, const Formation& formation) {
  const auto written = jobs_.Update(live.job.id, [&](job::Job& job) {
    if (job.attempts.empty() || job.attempts.back().number != formation.generation.attempt) {
      return absl::AbortedError("another attempt has begun");
    }
    job.attempts.back().generation = formation.generation.generation;
    job.members = formation.members;
    if (job.state == job::State::kStarting) job.state = job::State::kRunning;
    job.reason.clear();
    return absl::OkStatus();
  });
  if (!written.ok()) {
    LogError(written.status().message(), {{"job", live.job.id}});
    return false;
  }
  rendezvous_.Open(formation.generation);
  AddEvent(live.job.id, "generation",
           absl::StrCat("attempt ", formation.generation.attempt, " generation ",
                        formation.generation.generation, ": ", formation.members.size(),
                        " workers over ", formation.backend, " from step ", formation.start_step));
  RecordProvenance(live, formation);
  return true;
}

// Counts attempts lost in a row without a step gained; true when it is time to stop trying.
bool Controller::GiveUp(Live& live, const End& end) {
  if (end.outcome != AttemptOutcome::kLost ||
      live.gang.highest_step() > live.gang.options().start_step) {
    losses_.erase(live.job.id);
    return false;
  }
  Losses& losses = losses_[live.job.id];
  losses.causes.push_back(end.reason);
  const int count = static_cast<int>(losses.causes.size());
  if (count >= 2) {
    losses.not_before =
        options_.clock() +
        std::min(options_.retry_pause * (1 << std::min(count - 2, 5)), kRetryPauseMax);
  }
  return count >= options_.lost_attempts_max;
}

job::Failure Controller::FailureOf(const Live& live, const End& end) const {
  job::Failure failure = end.failure.value_or(job::Failure());
  failure.attempt = live.gang.options().attempt;
  if (failure.error.empty()) failure.error = end.reason;
  if (!failure.worker.empty() && options_.log_tail) {
    failure.log_tail = options_.log_tail(live.job.id, failure.attempt, failure.rank);
  }
  return failure;
}

absl::Status Controller::WriteEnd(Live& live, const End& end, bool give_up) {
  std::string reason = end.reason;
  if (give_up) {
    std::vector<std::string> causes = losses_[live.job.id].causes;
    causes.erase(std::unique(causes.begin(), causes.end()), causes.end());
    reason = absl::StrCat(
        options_.lost_attempts_max,
        " attempts in a row were lost without a step gained: ", absl::StrJoin(causes, "; "));
  }
  const int attempt = live.gang.options().attempt;
  std::optional<job::Failure> failure;  // read before the store is held up
  if (give_up || end.outcome == AttemptOutcome::kFailed) failure = FailureOf(live, end);
  return jobs_
      .Update(live.job.id,
              [&](job::Job& job) {
                if (job.attempts.empty() || job.attempts.back().number != attempt) {
                  return absl::FailedPreconditionError("another attempt has begun");
                }
                const job::State state = StateAfter(end, job.state, give_up);
                const absl::Time now = absl::Now();
                job.attempts.back().outcome = std::string(OutcomeName(end.outcome));
                job.attempts.back().reason = end.reason;
                job.attempts.back().ended = now;
                if (live.progress) MergeProgress(*live.progress, job);
                if (end.result) MergeResult(*end.result, job);
                // Who cancelled it said why; its gang may have been stopped for another reason
                // before.
                const bool told =
                    job.state == job::State::kCancelling && state == job::State::kCancelled;
                if (!told || job.reason.empty()) job.reason = reason;
                job.state = state;
                if (job::IsTerminal(state)) job.ended = now;
                if (state == job::State::kFailed) job.failure = failure;
                job.news.push_back({now, TextOf(attempt, end), "coordinator", KindOf(end.outcome)});
                return absl::OkStatus();
              })
      .status();
}

bool Controller::CarryEnd(Live& live, const End& end) {
  dirty_ = true;
  const auto before = losses_.find(live.job.id) == losses_.end()
                          ? std::optional<Losses>()
                          : std::optional<Losses>(losses_[live.job.id]);
  const bool give_up = GiveUp(live, end);
  const absl::Status status = WriteEnd(live, end, give_up);
  if (!status.ok()) {
    LogError(status.message(), {{"job", live.job.id}});
    // FAILED_PRECONDITION: the store knows better (the job has ended); the workers are released.
    if (!absl::IsFailedPrecondition(status) && !absl::IsNotFound(status)) {
      if (before) losses_[live.job.id] = *before;
      if (!before) losses_.erase(live.job.id);
      return false;
    }
  }
  if (status.ok()) options_.observer->AttemptEnded(OutcomeName(end.outcome));
  live.progress.reset();
  if (end.outcome != AttemptOutcome::kLost || give_up) losses_.erase(live.job.id);
  if (end.outcome == AttemptOutcome::kLost) ++recoveries_["attempt_lost"];
  LogInfo(TextOf(live.gang.options().attempt, end), {{"job", live.job.id}});
  workers_.FreeAllOf(live.job.id);
  return true;
}

void Controller::WriteProgress(Live& live, absl::Time now) {
  if (!live.progress || now - live.progress_written < options_.progress_every) return;
  live.progress_written = now;
  const auto written = jobs_.Update(live.job.id, [&](job::Job& job) {
    MergeProgress(*live.progress, job);
    return absl::OkStatus();
  });
  if (written.ok()) {
    live.progress.reset();
  } else {
    LogError(written.status().message(), {{"job", live.job.id}});
  }
}

}  // namespace hebb::control
