// SPDX-License-Identifier: Apache-2.0
#include "server/control/worker_supply.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log.h"
#include "common/spec/parse.h"
#include "common/spec/words.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "server/launcher/worker_name.h"

namespace hebb::control {
namespace {

// More of the queue's head need not be looked at: no cluster starts more workers at once.
constexpr size_t kWantingMax = 1000;

// Whether more workers would end the wait.
bool LacksWorkers(scheduler::WaitReason reason) {
  switch (reason) {
    case scheduler::WaitReason::kNoWorkers:
    case scheduler::WaitReason::kTooFewWorkers:
    case scheduler::WaitReason::kBehindOthers:
    case scheduler::WaitReason::kUnfitWorkers:
      return true;
    case scheduler::WaitReason::kRetryPause:
    case scheduler::WaitReason::kQuota:
    case scheduler::WaitReason::kPreempting:
      break;
  }
  return false;
}

// The jobs that wait for workers, in the order of the queue.
std::vector<const scheduler::Wait*> Lacking(const FleetSnapshot& fleet) {
  std::vector<const scheduler::Wait*> lacking;
  for (const auto& [job, wait] : *fleet.waits) {
    if (LacksWorkers(wait.reason)) lacking.push_back(&wait);
  }
  std::sort(lacking.begin(), lacking.end(), [](const auto* a, const auto* b) {
    return std::tie(a->position, a->job) < std::tie(b->position, b->job);
  });
  if (lacking.size() > kWantingMax) lacking.resize(kWantingMax);
  return lacking;
}

}  // namespace

WorkerSupply::WorkerSupply(WorkerSupplyOptions options,
                           std::unique_ptr<launcher::Launcher> launcher, Controller& controller,
                           store::JobStore& jobs, ChangeFeed& feed)
    : options_(std::move(options)),
      launcher_(std::move(launcher)),
      controller_(controller),
      jobs_(jobs),
      feed_(feed),
      keeper_(*launcher_, options_.keeper,
              [this](const std::string& worker) { return Withdraw(worker); }) {}

absl::StatusOr<std::string> WorkerSupply::Show(const spec::Job& spec) const {
  launcher::WorkerRequest request;
  request.device = spec.resources.device == spec::Device::kAny
                       ? options_.keeper.plan.any_device
                       : std::string(spec::ToWord(spec.resources.device));
  request.name = launcher::WorkerName(options_.keeper.cluster, request.device, 0);
  request.slurm = spec.resources.slurm;
  return launcher_->Show(request);
}

// A worker that is drained is given nothing more; one that has a job by then is taken back.
bool WorkerSupply::Withdraw(const std::string& worker) {
  const absl::StatusOr<WorkerView> drained =
      controller_.Drain(worker, /*undo=*/false, "let go: it was idle");
  if (!drained.ok()) return absl::IsNotFound(drained.status());  // it has gone by itself
  if (drained->job.empty()) return true;
  const absl::Status undone = controller_.Drain(worker, /*undo=*/true).status();
  if (!undone.ok()) LogWarning(undone.message(), {{"worker", worker}});
  return false;
}

absl::StatusOr<const WorkerSupply::Ask*> WorkerSupply::AskOf(const std::string& job) {
  const auto [found, is_new] = asks_.try_emplace(job);
  if (!is_new) return &found->second;
  const auto read = [&]() -> absl::StatusOr<Ask> {
    HEBB_ASSIGN_OR_RETURN(const job::Job stored, jobs_.Get(job));
    HEBB_ASSIGN_OR_RETURN(const spec::Job spec, spec::JobFromJson(stored.spec_json));
    return Ask{stored.device, stored.workers, stored.min_workers, spec.resources.slurm};
  };
  absl::StatusOr<Ask> ask = read();
  if (!ask.ok()) {
    asks_.erase(found);
    return ask.status();
  }
  found->second = *std::move(ask);
  return &found->second;
}

absl::StatusOr<launcher::Sight> WorkerSupply::See() {
  const FleetSnapshot fleet = controller_.Fleet();
  launcher::Sight sight;
  std::map<std::string, int64_t> gangs;  // workers by job
  for (const WorkerView& view : fleet.workers) {
    const bool idle = view.state == "idle";
    const std::string name = launcher::NameOfWorker(view.facts.id, options_.keeper.cluster);
    if (!name.empty()) {
      sight.attached[name] = {view.facts.id, idle};
    } else if (idle) {
      ++sight.standing_idle[view.facts.device];
    }
    if (!view.job.empty()) ++gangs[view.job];
  }
  std::set<std::string> living;
  const auto want = [&](const std::string& job, int64_t has) -> absl::Status {
    living.insert(job);
    const absl::StatusOr<const Ask*> ask = AskOf(job);
    if (absl::IsNotFound(ask.status())) return absl::OkStatus();
    HEBB_RETURN_IF_ERROR(ask.status());
    const Ask& a = **ask;
    if (has >= a.workers) return absl::OkStatus();
    sight.wanting.push_back({job, a.device, a.workers - has, has > 0 ? 0 : a.min_workers, a.slurm});
    return absl::OkStatus();
  };
  for (const scheduler::Wait* wait : Lacking(fleet)) HEBB_RETURN_IF_ERROR(want(wait->job, 0));
  // Jobs that run with fewer than they may have: after all that cannot run at all.
  for (const auto& [job, workers] : gangs) HEBB_RETURN_IF_ERROR(want(job, workers));
  std::erase_if(asks_, [&](const auto& item) { return !living.contains(item.first); });
  return sight;
}

absl::Time WorkerSupply::Look() {
  const absl::Time now = SteadyNow();
  absl::StatusOr<launcher::Sight> sight = See();
  if (!sight.ok()) {
    LogWarning(absl::StrCat("no workers are asked for now: ", sight.status().message()));
    return again_ = now + options_.look_every;
  }
  // Jobs change with every step; the cluster is asked only when that means something to it.
  if (now < again_ && *sight == seen_) return again_;
  launcher::Keeper::Outcome outcome = keeper_.Turn(*sight, now);
  seen_ = *std::move(sight);
  controller_.SetNotes(std::move(outcome.notes));
  again_ = outcome.look_again;
  if (outcome.holds) again_ = std::min(again_, now + options_.look_every);
  return again_;
}

void WorkerSupply::Start() {
  changes_.emplace(feed_, ChangeFeed::kAnyJob, [this] { rounds_.Wake(); });
  rounds_.Start();
}

void WorkerSupply::Stop() {
  rounds_.Stop();
  changes_.reset();
}

}  // namespace hebb::control
