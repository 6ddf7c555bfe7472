// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/scheduler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "server/scheduler/explain.h"
#include "server/scheduler/pool.h"

namespace hebb::scheduler {
namespace {

class Turn {
 public:
  Turn(const View& view, absl::Time now)
      : view_(view), now_(now), pool_(view, now), holders_(view) {
    for (const RunningJob& job : view.running) {
      held_[job.user] += static_cast<int64_t>(job.workers.size());
    }
  }

  Decision Decide() {
    int64_t position = 0;
    for (const QueuedJob* job : QueueOrder(view_)) {
      Consider(*job);
      if (!decision_.waits.empty() && decision_.waits.back().job == job->id) {
        decision_.waits.back().position = ++position;
      }
    }
    for (const auto& [kind, group] : pool_.groups()) {
      if (!group.keeper) continue;
      for (const auto& [host, idle] : group.hosts) {
        for (const Idle& worker : idle) decision_.kept.push_back(worker.id);
      }
    }
    return std::move(decision_);
  }

 private:
  int64_t MaxWorkers(const std::string& user) const {
    const auto found = view_.users.find(user);
    return found == view_.users.end() ? 0 : found->second.max_workers;
  }

  void Consider(const QueuedJob& job) {
    if (job.not_before > now_) {
      decision_.waits.push_back(ExplainPause(job, now_));
      return;
    }
    const int64_t max = MaxWorkers(job.user);
    int64_t& held = held_[job.user];
    const int64_t most = max > 0 ? max - held : std::numeric_limits<int64_t>::max();
    if (most < RangeOf(job).min) {
      decision_.waits.push_back(ExplainQuota(job, held, max));
    } else if (const Kind* kind = pool_.Best(job, most)) {
      decision_.starts.push_back(pool_.Take(job, *kind, most));
      held += static_cast<int64_t>(decision_.starts.back().workers.size());
    } else {
      decision_.waits.push_back(MakeWait(job));
    }
  }

  Wait MakeWait(const QueuedJob& job) {
    Wait wait = ExplainTooFew(job, pool_);
    bool pending = false;
    std::vector<std::string> victims;
    if (view_.policy.preempt) victims = pool_.MakeRoom(job, pending, decision_.look_again);
    for (const std::string& victim : victims) decision_.preemptions.push_back({victim, job.id});
    if (pending || !victims.empty()) {
      wait = ExplainPreempting(job, victims);
    } else {
      wait.estimated_start = pool_.Keep(job);
    }
    wait.holders = holders_.Of(job.device);
    return wait;
  }

  const View& view_;
  const absl::Time now_;
  Pool pool_;
  Holders holders_;
  std::map<std::string, int64_t> held_;  // workers by user
  Decision decision_;
};

}  // namespace

Decision Schedule(const View& view, absl::Time now) { return Turn(view, now).Decide(); }

}  // namespace hebb::scheduler
