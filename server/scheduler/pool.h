// SPDX-License-Identifier: Apache-2.0
// What jobs may still take in one decision, by kind of worker. Internal to the scheduler. Pure.
#ifndef HEBB_SERVER_SCHEDULER_POOL_H_
#define HEBB_SERVER_SCHEDULER_POOL_H_

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/scheduler/scheduler.h"

namespace hebb::scheduler {

// Workers that may form a gang: all fields equal.
struct Kind {
  std::string device;
  std::string kernel_family;
  std::string mpi_world;
  auto operator<=>(const Kind&) const = default;
};

// So many workers of a kind come back at `time`; infinite: nobody knows when.
struct Ending {
  absl::Time time;
  int64_t workers = 0;
  int64_t memory = 0;  // that the GPU of each will have
};

// The waiting job that keeps what is left of a kind.
struct Keeper {
  std::string job;
  absl::Time start = absl::InfiniteFuture();  // infinite: cannot be told
  int64_t spare = 0;  // workers that it cannot use at its start, free for jobs of any length
};

struct Idle {
  std::string id;
  int64_t memory = 0;  // free on its GPU
};
using Hosts = std::map<std::string, std::vector<Idle>>;  // ids in order, by host

struct Group {
  Hosts hosts;  // the idle ones
  int64_t idle = 0;
  int64_t busy = 0;
  int64_t largest = 0;  // the most that one's GPU has in all
  std::vector<const RunningJob*> running;
  std::vector<Ending> endings;
  std::optional<Keeper> keeper;
};

struct Range {
  int64_t min = 1;
  int64_t max = 1;
};
Range RangeOf(const QueuedJob& job);
bool Fits(const QueuedJob& job, const Kind& kind);
// Those of a group that have the memory which the job asks for.
int64_t IdleFor(const QueuedJob& job, const Kind& kind, const Group& group);
int64_t BusyFor(const QueuedJob& job, const Kind& kind, const Group& group);

class Pool {
 public:
  Pool(const View& view, absl::Time now);

  // The kind to take the gang from (rule 2), of at most `most` workers; null if there is none.
  const Kind* Best(const QueuedJob& job, int64_t most) const;
  // REQUIRES: Best gave `kind`.
  Start Take(const QueuedJob& job, const Kind& kind, int64_t most);
  // Rule 5. Returns when the job will start, infinite if that cannot be told.
  absl::Time Keep(const QueuedJob& job);
  // Rule 6: the jobs that are to make room; empty if none can. Keeps their kind for `job`.
  // `pending`: enough of them stop already.
  std::vector<std::string> MakeRoom(const QueuedJob& job, bool& pending, absl::Time& look_again);
  // The first job that keeps workers which `job` could have started with; "" if there is none.
  std::string KeptBy(const QueuedJob& job) const;
  bool WorldIsBusy(const Kind& kind) const;
  const std::map<Kind, Group>& groups() const { return groups_; }

 private:
  int64_t Usable(const QueuedJob& job, const Kind& kind, const Group& group) const;
  bool CouldStartLater(const QueuedJob& job, const Kind& kind, const Group& group) const;
  absl::Time StartIn(const QueuedJob& job, const Kind& kind, const Group& group,
                     int64_t& free) const;

  const Policy& policy_;
  const absl::Time now_;
  std::map<Kind, Group> groups_;
  std::set<std::string> busy_worlds_;
  std::set<std::string> stopping_;
};

}  // namespace hebb::scheduler

#endif  // HEBB_SERVER_SCHEDULER_POOL_H_
