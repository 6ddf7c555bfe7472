// SPDX-License-Identifier: Apache-2.0
#include "server/control/sweep_pilot.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::control {
namespace {

constexpr char kActor[] = "sweep";
// What the record says is what is known after a restart.
constexpr char kHeld[] = "waits at a rung for the other runs of its sweep";
constexpr char kStopped[] = "stopped early";

// The better, the larger; what is missing or not a number is worst.
double ScoreOf(const job::Metrics& metrics, absl::string_view metric) {
  std::optional<double> score = metrics.validation_accuracy;
  if (metric == "train_accuracy") score = metrics.train_accuracy;
  if (metric == "train_loss" && metrics.train_loss) score = -*metrics.train_loss;
  if (metric == "train_loss" && !metrics.train_loss) score.reset();
  constexpr double kWorst = -std::numeric_limits<double>::infinity();
  return score.has_value() && *score == *score ? *score : kWorst;
}

bool IsHeld(const job::Job& job) {
  return (job.state == job::State::kPaused || job.state == job::State::kPausing) &&
         absl::StartsWith(job.reason, kHeld);
}

}  // namespace

bool IsStoppedEarly(const job::Job& job) {
  return (job.state == job::State::kCancelled || job.state == job::State::kCancelling) &&
         absl::StartsWith(job.reason, kStopped);
}

absl::StatusOr<HalvingRun> SweepPilot::RunOf(const job::Job& job, const sweep::Halving& halving) {
  std::map<int64_t, double>& scores = scores_[job.id];
  bool read = false;  // its epochs, once, if a rung is new
  for (const int64_t epoch : halving.epochs) {
    if (job.epoch < epoch || scores.contains(epoch) || std::exchange(read, true)) continue;
    HEBB_ASSIGN_OR_RETURN(const std::vector<job::EpochRecord> records, jobs_.Epochs(job.id));
    for (const job::EpochRecord& record : records) {
      scores[record.epoch] = ScoreOf(record.metrics, halving.metric);
    }
  }
  return HalvingRun{job.id, job.state, IsStoppedEarly(job), IsHeld(job), scores};
}

absl::Status SweepPilot::CarryOut(const HalvingSteps& steps, const sweep::Halving& halving) {
  const auto change = [&](const std::string& id, job::EventKind kind, const std::string& text,
                          const store::JobStore::Change& to) -> absl::Status {
    const auto changed = jobs_.Update(id, [&](job::Job& job) {
      job.news.push_back({absl::Now(), text, kActor, kind});
      return to(job);
    });
    // It went on in the meantime, or somebody was quicker: the next look sees it as it is.
    if (absl::IsFailedPrecondition(changed.status())) return absl::OkStatus();
    return changed.status();
  };
  for (const std::string& id : steps.hold) {
    HEBB_RETURN_IF_ERROR(change(id, "pause", kHeld, [](job::Job& job) {
      job.state = job::State::kPausing;
      job.reason = kHeld;
      return absl::OkStatus();
    }));
  }
  for (const HalvingSteps::Stop& stop : steps.stop) {
    const std::string text =
        absl::StrCat(kStopped, " at rung ", stop.rung, " (epoch ", halving.epochs[stop.rung - 1],
                     "): place ", stop.place, " of ", stop.of, " by ", halving.metric);
    HEBB_RETURN_IF_ERROR(change(stop.id, "cancel", text, [&](job::Job& job) {
      const bool waits = job.state == job::State::kQueued || job.state == job::State::kPaused;
      job.state = waits ? job::State::kCancelled : job::State::kCancelling;
      job.reason = text;
      if (waits) job.ended = absl::Now();
      return absl::OkStatus();
    }));
  }
  for (const std::string& id : steps.resume) {
    HEBB_RETURN_IF_ERROR(change(id, "resume", "goes on to the next rung", [](job::Job& job) {
      if (job.state != job::State::kPaused) {
        return absl::FailedPreconditionError("its checkpoint is not durable yet");
      }
      job.state = job::State::kQueued;
      job.reason.clear();
      return absl::OkStatus();
    }));
  }
  if (!steps.hold.empty() || !steps.stop.empty() || !steps.resume.empty()) wake_();
  return absl::OkStatus();
}

absl::Status SweepPilot::Steer(const std::string& sweep, const sweep::Halving& halving) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<job::Job> jobs, jobs_.SweepJobs(sweep));
  std::vector<HalvingRun> runs;
  bool living = false;
  for (const job::Job& job : jobs) {
    living = living || !job::IsTerminal(job.state);
    HEBB_ASSIGN_OR_RETURN(HalvingRun run, RunOf(job, halving));
    runs.push_back(std::move(run));
  }
  if (living) return CarryOut(Halve(halving, runs), halving);
  for (const job::Job& job : jobs) scores_.erase(job.id);
  settled_.insert(sweep);
  halvings_.erase(sweep);
  return absl::OkStatus();
}

absl::Status SweepPilot::FindHalvings() {
  HEBB_ASSIGN_OR_RETURN(const auto sweeps, jobs_.ListSweeps());
  for (const auto& [sweep, counts] : sweeps) {
    if (settled_.contains(sweep.id) || halvings_.contains(sweep.id)) continue;
    const auto file = sweep::ReadSweepFile(sweep.yaml, sweep.file_name, sweep.sets);
    if (file.ok() && file->halving) {
      halvings_.emplace(sweep.id, *file->halving);
    } else {
      settled_.insert(sweep.id);
    }
  }
  return absl::OkStatus();
}

absl::Status SweepPilot::Look() {
  bool new_sweeps = false;
  {
    absl::MutexLock lock(&mutex_);
    new_sweeps = std::exchange(new_sweeps_, false);
  }
  absl::Status status;
  if (new_sweeps) status = FindHalvings();
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    new_sweeps_ = true;
  }
  const std::map<std::string, sweep::Halving> now = halvings_;  // Steer takes some out
  for (const auto& [id, halving] : now) status.Update(Steer(id, halving));
  return status;
}

absl::Time SweepPilot::Round() {
  const absl::Status status = Look();
  if (status.ok()) return absl::InfiniteFuture();
  LogWarning(absl::StrCat("sweeps: ", status.message(), "; tried again"));
  return SteadyNow();
}

void SweepPilot::Start() {
  changes_.emplace(feed_, ChangeFeed::kAnyJob, [this] { rounds_.Wake(); });
  submissions_.emplace(feed_, ChangeFeed::kSweeps, [this] {
    absl::MutexLock lock(&mutex_);
    new_sweeps_ = true;
  });
  rounds_.Start();
}

void SweepPilot::Stop() {
  rounds_.Stop();
  submissions_.reset();
  changes_.reset();
}

}  // namespace hebb::control
