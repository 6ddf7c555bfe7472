// SPDX-License-Identifier: Apache-2.0
#include "server/scheduler/scheduler.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace hebb::scheduler {
namespace {

// Workers that may form a gang: all fields equal.
struct Kind {
  std::string device;
  std::string kernel_family;
  std::string mpi_world;
  auto operator<=>(const Kind&) const = default;
};

Kind KindOf(const IdleWorker& worker) {
  return {worker.device, worker.kernel_family, worker.mpi_world};
}

// What jobs may still take; shrinks as they are served.
struct Pool {
  std::map<Kind, std::vector<std::string>> idle;  // ids in order
  std::map<Kind, int64_t> busy;
  int64_t busy_of_unknown_kind = 0;
  std::set<std::string> busy_worlds;
  std::map<Kind, std::string> kept_for;  // the waiting job that keeps what is left of a kind
};

struct Range {
  int64_t min = 1;
  int64_t max = 1;
};

Range RangeOf(const QueuedJob& job) {
  const int64_t max = std::max<int64_t>(job.workers, 1);
  return {std::clamp<int64_t>(job.min_workers, 1, max), max};
}

bool Fits(const QueuedJob& job, const Kind& kind) {
  return job.device == "any" || job.device == kind.device;
}

Pool MakePool(const View& view) {
  Pool pool;
  for (const IdleWorker& worker : view.idle) pool.idle[KindOf(worker)].push_back(worker.id);
  for (auto& [kind, ids] : pool.idle) std::sort(ids.begin(), ids.end());
  for (const IdleWorker& worker : view.load.busy) {
    ++pool.busy[KindOf(worker)];
    if (!worker.mpi_world.empty()) pool.busy_worlds.insert(worker.mpi_world);
  }
  if (view.load.busy.empty()) pool.busy_of_unknown_kind = view.load.busy_workers;
  return pool;
}

bool IsOpen(const Pool& pool, const Kind& kind) {
  return !pool.kept_for.contains(kind) && !pool.busy_worlds.contains(kind.mpi_world);
}

// The kind to take the gang from (rule 2), or null.
const Kind* BestKind(const QueuedJob& job, const Pool& pool) {
  const Range range = RangeOf(job);
  const Kind* best = nullptr;
  std::tuple<int64_t, bool, int64_t> best_rank;
  for (const auto& [kind, ids] : pool.idle) {
    const auto count = static_cast<int64_t>(ids.size());
    if (!Fits(job, kind) || !IsOpen(pool, kind) || count < range.min) continue;
    const int64_t taken = std::min(count, range.max);
    const std::tuple rank(taken, kind.device == "cuda", taken - count);
    if (best == nullptr || rank > best_rank) {
      best = &kind;
      best_rank = rank;
    }
  }
  return best;
}

Start Take(const QueuedJob& job, const Kind& kind, Pool& pool) {
  std::vector<std::string>& ids = pool.idle[kind];
  const auto count = std::min(static_cast<int64_t>(ids.size()), RangeOf(job).max);
  Start start{job.id, {ids.begin(), ids.begin() + count}};
  ids.erase(ids.begin(), ids.begin() + count);
  pool.busy[kind] += count;
  if (!kind.mpi_world.empty()) pool.busy_worlds.insert(kind.mpi_world);
  return start;
}

int64_t CountOf(const std::map<Kind, int64_t>& counts, const Kind& kind) {
  const auto it = counts.find(kind);
  return it == counts.end() ? 0 : it->second;
}

// Rule 4: would the workers attached now ever do, once the busy ones are free?
bool CouldStartLater(const QueuedJob& job, const Pool& pool) {
  std::set<Kind> kinds;
  for (const auto& [kind, ids] : pool.idle) kinds.insert(kind);
  for (const auto& [kind, count] : pool.busy) kinds.insert(kind);
  for (const Kind& kind : kinds) {
    const auto idle = pool.idle.find(kind);
    const auto idle_count = idle == pool.idle.end() ? 0 : static_cast<int64_t>(idle->second.size());
    const int64_t total = idle_count + CountOf(pool.busy, kind) + pool.busy_of_unknown_kind;
    if (Fits(job, kind) && total >= RangeOf(job).min) return true;
  }
  return false;
}

// "2 cpu workers"
std::string Workers(int64_t count, const QueuedJob& job) {
  return absl::StrCat(count, job.device == "any" ? "" : absl::StrCat(" ", job.device),
                      count == 1 ? " worker" : " workers");
}

// "waits for 2 to 4 cpu workers"
std::string Wish(const QueuedJob& job) {
  const Range range = RangeOf(job);
  if (range.min == range.max) return absl::StrCat("waits for ", Workers(range.max, job));
  return absl::StrCat("waits for ", range.min, " to ", Workers(range.max, job));
}

Wait TooFew(const QueuedJob& job, const Pool& pool) {
  int64_t idle = 0;
  int64_t idle_kinds = 0;
  int64_t busy = pool.busy_of_unknown_kind;
  bool world_is_busy = false;
  for (const auto& [kind, ids] : pool.idle) {
    if (!Fits(job, kind) || ids.empty()) continue;
    idle += static_cast<int64_t>(ids.size());
    ++idle_kinds;
    world_is_busy = world_is_busy || pool.busy_worlds.contains(kind.mpi_world);
  }
  for (const auto& [kind, count] : pool.busy) busy += Fits(job, kind) ? count : 0;
  if (idle + busy == 0) {
    const std::string device = job.device == "any" ? "" : absl::StrCat(job.device, " ");
    return {job.id, WaitReason::kNoWorkers, absl::StrCat("no ", device, "worker is attached")};
  }
  std::string text = absl::StrCat(Wish(job), ": ", idle, " idle, ", busy, " busy");
  if (idle + busy < RangeOf(job).min) {
    absl::StrAppend(&text, "; more must attach");
  } else if (idle >= RangeOf(job).min && world_is_busy) {
    absl::StrAppend(&text, "; an MPI world runs one job at a time");
  } else if (idle >= RangeOf(job).min && idle_kinds > 1) {
    absl::StrAppend(&text, "; the idle ones are of ", idle_kinds,
                    " kinds (device, kernel family or MPI world), a gang is of one");
  }
  return {job.id, WaitReason::kTooFewWorkers, text};
}

// The first job that keeps workers which `job` could have started with; "" if there is none.
std::string KeptBy(const QueuedJob& job, const Pool& pool) {
  for (const auto& [kind, owner] : pool.kept_for) {
    const auto idle = pool.idle.find(kind);
    if (idle == pool.idle.end() || pool.busy_worlds.contains(kind.mpi_world)) continue;
    const auto count = static_cast<int64_t>(idle->second.size());
    if (Fits(job, kind) && count >= RangeOf(job).min) return owner;
  }
  return "";
}

Wait Explain(const QueuedJob& job, const Pool& pool) {
  const std::string first = KeptBy(job, pool);
  if (first.empty()) return TooFew(job, pool);
  return {job.id, WaitReason::kBehindOthers,
          absl::StrCat(Wish(job), ": the idle ones are kept for job ", first,
                       ", which is before it in the queue")};
}

void Keep(const QueuedJob& job, Pool& pool) {
  if (!CouldStartLater(job, pool)) return;
  for (const auto& [kind, ids] : pool.idle) {
    if (Fits(job, kind)) pool.kept_for.emplace(kind, job.id);  // the first one stays
  }
}

Wait RetryPause(const QueuedJob& job, absl::Time now) {
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(job.not_before - now, absl::Seconds(1)));
  return {job.id, WaitReason::kRetryPause,
          absl::StrCat("pauses after a lost attempt; starts again in ", seconds, " s")};
}

}  // namespace

Decision Schedule(const View& view, absl::Time now) {
  std::vector<const QueuedJob*> queue;
  for (const QueuedJob& job : view.jobs) queue.push_back(&job);
  std::sort(queue.begin(), queue.end(), [](const QueuedJob* a, const QueuedJob* b) {
    return std::tie(b->priority, a->created, a->id) < std::tie(a->priority, b->created, b->id);
  });
  Pool pool = MakePool(view);
  Decision decision;
  for (const QueuedJob* job : queue) {
    if (job->not_before > now) {
      decision.waits.push_back(RetryPause(*job, now));
    } else if (const Kind* kind = BestKind(*job, pool)) {
      decision.starts.push_back(Take(*job, *kind, pool));
    } else {
      decision.waits.push_back(Explain(*job, pool));
      Keep(*job, pool);
    }
  }
  return decision;
}

}  // namespace hebb::scheduler
