// SPDX-License-Identifier: Apache-2.0
// What the scheduler sees of the loop's knowledge, and what becomes of its decisions.
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/control/controller.h"

namespace hebb::control {
namespace {

// Usage is charged no more often, so that a turn costs little.
constexpr absl::Duration kChargeEvery = absl::Seconds(1);
constexpr absl::Duration kWriteUsageEvery = absl::Seconds(30);

bool CanBePreempted(const Gang& gang) {
  return gang.formed() && !gang.stopping() && !gang.unreachable();
}

}  // namespace

scheduler::User Controller::UserOf(const std::string& name) const {
  const auto found = options_.users.find(name);
  scheduler::User user = found == options_.users.end() ? options_.default_user : found->second;
  const auto usage = usage_.find(name);
  user.usage = usage == usage_.end() ? 0 : usage->second;
  return user;
}

bool Controller::AtLimit(const std::string& user) const {
  const int64_t limit = UserOf(user).max_workers;
  if (limit <= 0) return false;
  int64_t held = 0;
  for (const auto& [job, workers] : workers_.Busy()) {
    const auto live = live_.find(job);
    if (live != live_.end() && live->second->job.user == user) {
      held += static_cast<int64_t>(workers.size());
    }
  }
  return held >= limit;
}

scheduler::View Controller::MakeView(const std::vector<const job::Job*>& queued, absl::Time now) {
  scheduler::View view;
  view.policy = options_.policy;
  for (const job::Job* each : queued) {
    const job::Job& job = *each;
    const auto losses = losses_.find(job.id);
    scheduler::QueuedJob& seen = view.jobs.emplace_back();
    seen.id = job.id;
    seen.priority = job.priority;
    seen.workers = job.workers;
    seen.min_workers = job.min_workers;
    seen.device = job.device;
    seen.gpu_memory = job.gpu_memory;
    seen.created = job.created;
    seen.user = job.user;
    seen.runs_at_most = RunsAtMost(job);
    if (losses != losses_.end()) seen.not_before = losses->second.not_before;
    if (seen.not_before > now) next_reconcile_ = std::min(next_reconcile_, seen.not_before);
    view.users.try_emplace(job.user, UserOf(job.user));
  }
  view.idle = workers_.Idle(now);
  for (auto& [id, workers] : workers_.Busy()) {
    scheduler::RunningJob& seen = view.running.emplace_back();
    seen.id = id;
    seen.workers = workers;
    const auto found = live_.find(id);
    if (found == live_.end()) continue;
    const Live& live = *found->second;
    seen.user = live.job.user;
    seen.priority = live.job.priority;
    seen.since = live.since;
    seen.estimated_end = std::min(live.pace.EstimatedEnd(), live.runtime_ends);
    seen.stopping = live.gang.stopping();
    seen.preemptible = CanBePreempted(live.gang);
    view.users.try_emplace(seen.user, UserOf(seen.user));
  }
  return view;
}

void Controller::Preempt(const scheduler::Decision& decision, absl::Time now) {
  for (const scheduler::Preemption& each : decision.preemptions) {
    const auto found = live_.find(each.victim);
    if (found == live_.end()) continue;
    Live& live = *found->second;
    const std::string text = absl::StrCat("stops with a checkpoint for job ", each.for_job,
                                          ", whose priority is higher");
    options_.observer->Decided("preempted");
    AddEvent(each.victim, "preempted", text, "scheduler");
    Carry(live, live.gang.RequestStop(AttemptOutcome::kPreempted, text, now));
  }
}

void Controller::PublishWaits(std::vector<scheduler::Wait> waits) {
  auto by_job = std::make_shared<std::map<std::string, scheduler::Wait>>();
  for (scheduler::Wait& wait : waits) {
    const auto before = waits_->find(wait.job);
    if (before == waits_->end() || before->second.reason != wait.reason) {
      options_.observer->Decided(scheduler::WaitReasonName(wait.reason));
    }
    std::string job = wait.job;
    by_job->emplace(std::move(job), std::move(wait));
  }
  waits_ = std::move(by_job);
}

void Controller::ChargeUsage(absl::Time now) {
  if (usage_charged_ == absl::InfinitePast()) usage_charged_ = now;
  const absl::Duration passed = now - usage_charged_;
  if (passed < kChargeEvery) return;
  usage_charged_ = now;
  const double decay = std::exp2(-absl::FDivDuration(passed, options_.usage_half_life));
  for (auto& [user, usage] : usage_) usage *= decay;
  std::erase_if(usage_, [](const auto& item) { return item.second < 1e-3; });
  for (const auto& [job, workers] : workers_.Busy()) {
    const auto live = live_.find(job);
    if (live == live_.end()) continue;
    usage_[live->second->job.user] +=
        static_cast<double>(workers.size()) * absl::ToDoubleSeconds(passed);
  }
  if (!usage_.empty() && now - usage_written_ >= kWriteUsageEvery) WriteUsage(now);
}

absl::Status Controller::RecoverUsage() {
  HEBB_ASSIGN_OR_RETURN(const job::Usage usage, jobs_.ReadUsage());
  const absl::Duration away = std::max(absl::Now() - usage.charged, absl::ZeroDuration());
  const double decay = std::exp2(-absl::FDivDuration(away, options_.usage_half_life));
  for (const auto& [user, seconds] : usage.worker_seconds) usage_[user] = decay * seconds;
  return absl::OkStatus();
}

void Controller::WriteUsage(absl::Time now) {
  usage_written_ = now;
  const absl::Status status = jobs_.PutUsage({absl::Now(), usage_});
  if (!status.ok()) LogWarning(absl::StrCat("the users' usage is not kept: ", status.message()));
}

}  // namespace hebb::control
