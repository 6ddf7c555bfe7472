// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/pool.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace hebb::scheduler {
namespace {

Kind KindOf(const IdleWorker& worker) {
  return {worker.device, worker.kernel_family, worker.mpi_world};
}

// Bytes that the job wants of each worker of the kind; 0: it takes any.
int64_t MemoryAsked(const QueuedJob& job, const Kind& kind) {
  return kind.device == "cuda" ? job.gpu_memory : 0;
}

template <typename Worker>  // Idle or IdleWorker
int64_t CountWith(int64_t memory, const std::vector<Worker>& workers) {
  if (memory <= 0) return static_cast<int64_t>(workers.size());
  return std::count_if(workers.begin(), workers.end(),
                       [memory](const Worker& worker) { return worker.memory >= memory; });
}

// The smallest host that has all that are needed, else the one that has most: few hosts a gang,
// and the large ones stay whole. `memory`: of those that count.
Hosts::iterator PickHost(Hosts& hosts, int64_t needed, int64_t memory) {
  auto best = hosts.begin();
  int64_t most = CountWith(memory, best->second);
  for (auto host = std::next(best); host != hosts.end(); ++host) {
    const int64_t have = CountWith(memory, host->second);
    const bool better = most >= needed ? have >= needed && have < most : have > most;
    if (!better) continue;
    best = host;
    most = have;
  }
  return best;
}

// Of the workers that `running` holds, those that `job` could use.
int64_t SizeFor(const QueuedJob& job, const Kind& kind, const RunningJob& running) {
  return CountWith(MemoryAsked(job, kind), running.workers);
}

}  // namespace

Range RangeOf(const QueuedJob& job) {
  const int64_t max = std::max<int64_t>(job.workers, 1);
  return {std::clamp<int64_t>(job.min_workers, 1, max), max};
}

bool Fits(const QueuedJob& job, const Kind& kind) {
  return job.device == "any" || job.device == kind.device;
}

int64_t IdleFor(const QueuedJob& job, const Kind& kind, const Group& group) {
  const int64_t memory = MemoryAsked(job, kind);
  if (memory <= 0) return group.idle;
  int64_t idle = 0;
  for (const auto& [host, workers] : group.hosts) idle += CountWith(memory, workers);
  return idle;
}

int64_t BusyFor(const QueuedJob& job, const Kind& kind, const Group& group) {
  const int64_t memory = MemoryAsked(job, kind);
  if (memory <= 0) return group.busy;
  int64_t busy = 0;
  for (const Ending& ending : group.endings) {
    if (ending.memory >= memory) busy += ending.workers;
  }
  return busy;
}

Pool::Pool(const View& view, absl::Time now) : policy_(view.policy), now_(now) {
  for (const IdleWorker& worker : view.idle) {
    Group& group = groups_[KindOf(worker)];
    group.hosts[worker.host].push_back({worker.id, worker.memory_free});
    ++group.idle;
    group.largest = std::max(group.largest, worker.memory);
  }
  for (auto& [kind, group] : groups_) {
    for (auto& [host, workers] : group.hosts) {
      std::sort(workers.begin(), workers.end(),
                [](const Idle& a, const Idle& b) { return a.id < b.id; });
    }
  }
  for (const RunningJob& job : view.running) {
    if (job.stopping) stopping_.insert(job.id);
    // An end that is over did not happen: the estimate was wrong, so there is none.
    const absl::Time end = job.estimated_end > now ? job.estimated_end : absl::InfiniteFuture();
    for (const IdleWorker& worker : job.workers) {
      Group& group = groups_[KindOf(worker)];
      ++group.busy;
      group.endings.push_back({end, 1, worker.memory});
      group.largest = std::max(group.largest, worker.memory);
      if (group.running.empty() || group.running.back() != &job) group.running.push_back(&job);
      if (!worker.mpi_world.empty()) busy_worlds_.insert(worker.mpi_world);
    }
  }
}

bool Pool::WorldIsBusy(const Kind& kind) const { return busy_worlds_.contains(kind.mpi_world); }

// How many idle workers of the group `job` may take without delaying their keeper.
int64_t Pool::Usable(const QueuedJob& job, const Kind& kind, const Group& group) const {
  const int64_t idle = IdleFor(job, kind, group);
  if (!group.keeper) return idle;
  if (!policy_.backfill || group.keeper->start == absl::InfiniteFuture()) return 0;
  const bool ends_before = job.runs_at_most && now_ + *job.runs_at_most <= group.keeper->start;
  return ends_before ? idle : std::min(idle, group.keeper->spare);
}

const Kind* Pool::Best(const QueuedJob& job, int64_t most) const {
  const Range range = RangeOf(job);
  const Kind* best = nullptr;
  std::tuple<int64_t, bool, int64_t> best_rank;
  for (const auto& [kind, group] : groups_) {
    if (!Fits(job, kind) || WorldIsBusy(kind)) continue;
    const int64_t taken = std::min({Usable(job, kind, group), range.max, most});
    if (taken < range.min) continue;
    const std::tuple rank(taken, kind.device == "cuda", taken - group.idle);
    if (best == nullptr || rank > best_rank) {
      best = &kind;
      best_rank = rank;
    }
  }
  return best;
}

namespace {

// Takes `count` idle workers with that memory; REQUIRES: there are so many.
std::vector<Idle> TakeIdle(int64_t count, int64_t memory, Hosts& hosts) {
  std::vector<Idle> taken;
  while (count > 0) {
    const auto host = PickHost(hosts, count, memory);
    std::vector<Idle> left;
    for (Idle& worker : host->second) {
      const bool takes = count > 0 && worker.memory >= memory;
      (takes ? taken : left).push_back(std::move(worker));
      if (takes) --count;
    }
    host->second = std::move(left);
    if (host->second.empty()) hosts.erase(host);
  }
  return taken;
}

}  // namespace

Start Pool::Take(const QueuedJob& job, const Kind& kind, int64_t most) {
  Group& group = groups_.at(kind);
  const int64_t count = std::min({Usable(job, kind, group), RangeOf(job).max, most});
  const absl::Time end = job.runs_at_most ? now_ + *job.runs_at_most : absl::InfiniteFuture();
  if (group.keeper && end > group.keeper->start) group.keeper->spare -= count;
  Start start{job.id, {}};
  int64_t memory = group.largest;
  for (Idle& worker : TakeIdle(count, MemoryAsked(job, kind), group.hosts)) {
    start.workers.push_back(std::move(worker.id));
    memory = std::min(memory, worker.memory);
  }
  group.idle -= count;
  group.busy += count;
  group.endings.push_back({end, count, memory});
  if (!kind.mpi_world.empty()) busy_worlds_.insert(kind.mpi_world);
  return start;
}

// Would the workers attached now ever do, once the busy ones are free?
bool Pool::CouldStartLater(const QueuedJob& job, const Kind& kind, const Group& group) const {
  return Fits(job, kind) &&
         IdleFor(job, kind, group) + BusyFor(job, kind, group) >= RangeOf(job).min;
}

// `free`: how many workers of the kind are idle at that time.
absl::Time Pool::StartIn(const QueuedJob& job, const Kind& kind, const Group& group,
                         int64_t& free) const {
  if (WorldIsBusy(kind)) {  // the whole world must end, whatever kinds its workers are of
    absl::Time time = now_;
    for (const auto& [other, peers] : groups_) {
      if (other.mpi_world != kind.mpi_world) continue;
      for (const Ending& ending : peers.endings) time = std::max(time, ending.time);
    }
    free = IdleFor(job, kind, group) + BusyFor(job, kind, group);
    return time;
  }
  std::vector<Ending> endings = group.endings;
  if (const int64_t memory = MemoryAsked(job, kind); memory > 0) {
    std::erase_if(endings, [memory](const Ending& e) { return e.memory < memory; });
  }
  std::sort(endings.begin(), endings.end(),
            [](const Ending& a, const Ending& b) { return a.time < b.time; });
  const int64_t needed = RangeOf(job).min;
  free = IdleFor(job, kind, group);
  absl::Time time = now_;
  for (const Ending& ending : endings) {
    if (free >= needed && ending.time > time) break;
    time = ending.time;
    free += ending.workers;
  }
  return free >= needed ? time : absl::InfiniteFuture();
}

absl::Time Pool::Keep(const QueuedJob& job) {
  Group* best = nullptr;
  int64_t best_free = 0;
  absl::Time best_start = absl::InfiniteFuture();
  for (auto& [kind, group] : groups_) {
    if (group.keeper || !CouldStartLater(job, kind, group)) continue;
    int64_t free = 0;
    const absl::Time start = StartIn(job, kind, group, free);
    if (start >= best_start) continue;
    best = &group;
    best_start = start;
    best_free = free;
  }
  if (best != nullptr) {
    best->keeper = {job.id, best_start, std::max<int64_t>(best_free - RangeOf(job).max, 0)};
    return best_start;
  }
  for (auto& [kind, group] : groups_) {
    if (!group.keeper && CouldStartLater(job, kind, group)) group.keeper = Keeper{job.id};
  }
  return absl::InfiniteFuture();
}

std::vector<std::string> Pool::MakeRoom(const QueuedJob& job, bool& pending,
                                        absl::Time& look_again) {
  pending = false;
  const int64_t min = RangeOf(job).min;
  Group* best = nullptr;
  std::vector<const RunningJob*> best_victims;
  for (auto& [kind, group] : groups_) {
    // Worlds are left out: to stop a job there ends the world's other processes as well.
    if (group.keeper || !CouldStartLater(job, kind, group) || !kind.mpi_world.empty()) continue;
    int64_t room = IdleFor(job, kind, group);
    std::vector<const RunningJob*> victims;
    for (const RunningJob* running : group.running) {
      if (stopping_.contains(running->id)) {
        room += SizeFor(job, kind, *running);
      } else if (running->preemptible && running->priority < job.priority &&
                 SizeFor(job, kind, *running) > 0) {
        if (running->since + policy_.protect > now_) {
          look_again = std::min(look_again, running->since + policy_.protect);
        } else {
          victims.push_back(running);
        }
      }
    }
    if (room >= min) {
      pending = true;
      group.keeper = Keeper{job.id};
      return {};
    }
    std::sort(victims.begin(), victims.end(), [](const RunningJob* a, const RunningJob* b) {
      return std::tie(a->priority, b->since, a->id) < std::tie(b->priority, a->since, b->id);
    });
    size_t count = 0;
    while (count < victims.size() && room < min) {
      room += SizeFor(job, kind, *victims[count++]);
    }
    if (room < min) continue;
    victims.resize(count);
    // Whom it does without after all: those of the highest priority are spared first.
    for (size_t i = victims.size(); i-- > 0;) {
      const int64_t size = SizeFor(job, kind, *victims[i]);
      if (room - size < min) continue;
      room -= size;
      victims.erase(victims.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (best != nullptr && victims.size() >= best_victims.size()) continue;
    best = &group;
    best_victims = victims;
  }
  std::vector<std::string> ids;
  for (const RunningJob* victim : best_victims) {
    ids.push_back(victim->id);
    stopping_.insert(victim->id);
  }
  if (best != nullptr) best->keeper = Keeper{job.id};
  return ids;
}

std::string Pool::KeptBy(const QueuedJob& job) const {
  for (const auto& [kind, group] : groups_) {
    if (!group.keeper || group.keeper->job == job.id || WorldIsBusy(kind)) continue;
    if (!Fits(job, kind)) continue;
    if (IdleFor(job, kind, group) >= RangeOf(job).min) return group.keeper->job;
  }
  return "";
}

}  // namespace hebb::scheduler
