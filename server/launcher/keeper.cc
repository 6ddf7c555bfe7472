// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log.h"
#include "server/launcher/worker_name.h"

namespace hebb::launcher {
namespace {

// So that a turn stays short, and a mistake small.
constexpr int kAsksOfOneTurn = 32;

std::string Seconds(absl::Duration duration) {
  return absl::FormatDuration(absl::Ceil(duration, absl::Seconds(1)));
}

}  // namespace

Keeper::Outcome Keeper::Turn(const Sight& sight, absl::Time now) {
  Outcome outcome;
  std::erase_if(refusals_, [&](const auto& item) {
    return std::none_of(sight.wanting.begin(), sight.wanting.end(),
                        [&](const Wanting& wanting) { return wanting.job == item.first; });
  });
  if (looked_ && workers_.empty() && sight.wanting.empty()) return outcome;
  const absl::StatusOr<std::vector<Observed>> observed = launcher_.Observe();
  if (!observed.ok()) {
    Pause(absl::StrCat(launcher_.kind(), " does not answer: ", observed.status().message()), now);
    for (const Wanting& wanting : sight.wanting) outcome.notes[wanting.job] = trouble_;
    outcome.holds = true;
    return outcome;
  }
  See(*observed, sight, now);

  PlanView view;
  for (const Wanting& wanting : sight.wanting) {
    if (now >= RefusedUntil(wanting.job)) view.wanting.push_back(wanting);
  }
  view.standing_idle = sight.standing_idle;
  for (const auto& [name, worker] : workers_) view.held.push_back(worker.held);
  view.ask_not_before = ask_not_before_;
  const Plan plan = MakePlan(options_.plan, view, now);
  LetGo(plan);
  Ask(plan, sight, now);
  for (const Wanting& wanting : sight.wanting) {
    std::string note = NoteOf(wanting, plan, now);
    if (!note.empty()) outcome.notes[wanting.job] = std::move(note);
  }
  outcome.holds = !workers_.empty();
  outcome.look_again = plan.look_again;
  for (const auto& [job, refusal] : refusals_) {
    outcome.look_again = std::min(outcome.look_again, refusal.not_before);
  }
  return outcome;
}

// ---- what has become of the workers ------------------------------------------------------------

void Keeper::See(const std::vector<Observed>& observed, const Sight& sight, absl::Time now) {
  looked_ = true;
  for (auto& [name, worker] : workers_) {
    const auto attached = sight.attached.find(name);
    SeeAttached(attached == sight.attached.end() ? nullptr : &attached->second, now, worker);
  }
  std::set<std::string> names;
  for (const Observed& each : observed) {
    names.insert(each.name);
    if (each.state == LaunchState::kGone) {
      SeeEnd(each, now);
    } else {
      SeeOne(each, now);
    }
  }
  Forget(names, now);
}

void Keeper::SeeAttached(const Attached* attached, absl::Time now, Worker& worker) {
  Held& held = worker.held;
  // From then on it has the same time to come back as one that has just been started.
  if (held.attached && attached == nullptr) held.running_since = now;
  held.attached = attached != nullptr;
  const bool idle = held.attached && attached->idle;
  if (idle && !held.idle) held.idle_since = now;
  held.idle = idle;
  worker.id = held.attached ? attached->worker : "";
  if (!held.attached || worker.has_attached) return;
  worker.has_attached = true;
  // What was wrong is not any more.
  pause_ = absl::ZeroDuration();
  ask_not_before_ = absl::InfinitePast();
  trouble_.clear();
}

void Keeper::SeeOne(const Observed& observed, absl::Time now) {
  const auto [found, is_new] = workers_.try_emplace(observed.name);
  Worker& worker = found->second;
  Held& held = worker.held;
  if (is_new) {  // asked for before a restart of the coordinator
    held.name = observed.name;
    held.device = DeviceOfName(observed.name, options_.cluster);
    held.asked = now;
    LogInfo(absl::StrCat("found a worker that was asked of ", launcher_.kind()),
            {{"worker", observed.name}, {"handle", observed.handle}});
  }
  worker.handle = observed.handle;
  worker.detail = observed.detail;
  if (observed.state == LaunchState::kRunning && held.state != LaunchState::kRunning) {
    held.running_since = now;
  }
  held.state = observed.state;
}

void Keeper::SeeEnd(const Observed& observed, absl::Time now) {
  if (!ended_.insert(observed.name).second) return;
  // What it left in the cluster's records is no use to anybody.
  const absl::Status status = launcher_.LetGo(observed.handle);
  if (!status.ok()) LogWarning(status.message(), {{"worker", observed.name}});
  const auto found = workers_.find(observed.name);
  if (found == workers_.end()) return;  // it ended before a restart of the coordinator
  const Worker& worker = found->second;
  const bool unused = !worker.has_attached && !worker.held.letting_go;
  if (observed.failed || unused) {
    Pause(absl::StrCat("worker ", observed.name, " (", launcher_.kind(), " ", observed.handle,
                       ") ended ",
                       worker.has_attached ? "" : "before it attached: ", observed.detail),
          now);
  } else {
    LogInfo("a worker has ended", {{"worker", observed.name}, {"how", observed.detail}});
  }
  workers_.erase(found);
}

// Names that the cluster tells of no more are gone as well.
void Keeper::Forget(const std::set<std::string>& observed, absl::Time now) {
  std::erase_if(ended_, [&](const std::string& name) { return !observed.contains(name); });
  for (auto it = workers_.begin(); it != workers_.end();) {
    if (observed.contains(it->first)) {
      ++it;
      continue;
    }
    const bool used = it->second.has_attached || it->second.held.letting_go;
    if (!used && !it->second.handle.empty()) {
      Pause(absl::StrCat("worker ", it->first, " is not known to ", launcher_.kind(),
                         " any more, and never attached"),
            now);
    }
    it = workers_.erase(it);
  }
}

void Keeper::Pause(const std::string& words, absl::Time now) {
  pause_ = std::clamp(2 * pause_, options_.pause, options_.longest_pause);
  ask_not_before_ = now + pause_;
  if (words != trouble_) LogWarning(words, {{"pause", Seconds(pause_)}});
  trouble_ = words;
}

// ---- what is done about it ---------------------------------------------------------------------

void Keeper::LetGo(const Plan& plan) {
  for (const launcher::LetGo& each : plan.let_go) {
    Worker& worker = workers_.at(each.name);
    if (worker.held.attached && !withdraw_(worker.id)) continue;
    const absl::Status status = launcher_.LetGo(worker.handle);
    if (!status.ok()) {
      LogWarning(absl::StrCat("a worker stays: ", status.message()), {{"worker", each.name}});
      continue;
    }
    LogInfo(absl::StrCat("let a worker go: ", each.why),
            {{"worker", each.name}, {"handle", worker.handle}});
    worker.held.letting_go = true;
  }
}

void Keeper::Ask(const Plan& plan, const Sight& sight, absl::Time now) {
  int asked = 0;
  for (const Plan::Ask& ask : plan.asks) {
    const auto wanting = std::find_if(sight.wanting.begin(), sight.wanting.end(),
                                      [&](const Wanting& each) { return each.job == ask.job; });
    if (wanting == sight.wanting.end() || now < RefusedUntil(ask.job)) continue;
    if (++asked > kAsksOfOneTurn) return;
    const WorkerRequest request = {NewName(ask.device, now), ask.device, wanting->slurm};
    const absl::StatusOr<std::string> handle = launcher_.Ask(request);
    if (absl::IsInvalidArgument(handle.status()) || absl::IsPermissionDenied(handle.status())) {
      Refuse(ask.job, std::string(handle.status().message()), now);
      continue;
    }
    if (!handle.ok()) {
      Pause(absl::StrCat(launcher_.kind(), ": ", handle.status().message()), now);
      if (!absl::IsUnavailable(handle.status())) return;
    }
    Worker& worker = workers_[request.name];
    worker.held.name = request.name;
    worker.held.device = ask.device;
    worker.held.asked = now;
    if (!handle.ok()) return;  // it may have been asked for: the next look tells
    worker.handle = *handle;
    refusals_.erase(ask.job);
    LogInfo(absl::StrCat("asked ", launcher_.kind(), " for a worker"),
            {{"worker", request.name}, {"handle", *handle}, {"job", ask.job}});
  }
}

void Keeper::Refuse(const std::string& job, const std::string& words, absl::Time now) {
  Refusal& refusal = refusals_[job];
  refusal.pause = std::clamp(2 * refusal.pause, options_.pause, options_.longest_pause);
  refusal.not_before = now + refusal.pause;
  if (refusal.words == words) return;
  refusal.words = words;
  LogWarning(absl::StrCat(launcher_.kind(), " refuses a worker: ", words), {{"job", job}});
}

absl::Time Keeper::RefusedUntil(const std::string& job) const {
  const auto refusal = refusals_.find(job);
  return refusal == refusals_.end() ? absl::InfinitePast() : refusal->second.not_before;
}

std::string Keeper::NewName(const std::string& device, absl::Time now) {
  // Larger than those of the coordinator's processes before this one.
  last_number_ = std::max(last_number_ + 1, absl::ToUnixMillis(now));
  return WorkerName(options_.cluster, device, last_number_);
}

// ---- what the jobs are told --------------------------------------------------------------------

std::string Keeper::NoteOf(const Wanting& wanting, const Plan& plan, absl::Time now) const {
  if (const absl::Time until = RefusedUntil(wanting.job); now < until) {
    return absl::StrCat(launcher_.kind(), " refuses a worker: ", refusals_.at(wanting.job).words,
                        "; asked again in ", Seconds(until - now));
  }
  const auto impossible = plan.refused.find(wanting.job);
  if (impossible != plan.refused.end()) return impossible->second;
  std::vector<std::string> parts;
  if (const std::string coming = Coming(wanting.device); !coming.empty()) parts.push_back(coming);
  if (now < ask_not_before_) {
    parts.push_back(absl::StrCat(trouble_, "; asked again in ", Seconds(ask_not_before_ - now)));
  }
  return absl::StrJoin(parts, "; ");
}

std::string Keeper::Coming(const std::string& device) const {
  int64_t starting = 0;
  std::map<std::string, int64_t> pending;  // by the cluster's reason
  for (const auto& [name, worker] : workers_) {
    const Held& held = worker.held;
    if (held.attached || held.letting_go || (device != "any" && held.device != device)) continue;
    if (held.state == LaunchState::kRunning) {
      ++starting;
    } else {
      ++pending[worker.detail];
    }
  }
  std::vector<std::string> parts;
  for (const auto& [reason, count] : pending) {
    parts.push_back(
        absl::StrCat(count, " pending", reason.empty() ? "" : absl::StrCat(" (", reason, ")")));
  }
  if (starting > 0) parts.push_back(absl::StrCat(starting, " starting"));
  if (parts.empty()) return "";
  return absl::StrCat("asked of ", launcher_.kind(), ": ", absl::StrJoin(parts, ", "));
}

}  // namespace hebb::launcher
