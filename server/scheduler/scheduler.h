// SPDX-License-Identifier: Apache-2.0
// Which queued job gets which idle workers, and why the others wait. Pure: a function of what it
// is shown, so it can be tested by table and run in a simulator.
#ifndef HEBB_SERVER_SCHEDULER_SCHEDULER_H_
#define HEBB_SERVER_SCHEDULER_SCHEDULER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace hebb::scheduler {

struct QueuedJob {
  std::string id;
  int64_t priority = 0;
  int64_t workers = 1;
  int64_t min_workers = 1;
  std::string device;  // cpu | cuda | any
  absl::Time created;
  absl::Time not_before = absl::InfinitePast();  // a pause between attempts
};

struct IdleWorker {
  std::string id;
  std::string device;         // cpu | cuda
  std::string kernel_family;  // a gang is of one family
  std::string mpi_world;      // "" or the world it was started in; a gang lies within one or none
};

// Workers in use: they may become free, are named in reasons, and occupy their MPI worlds.
struct Load {
  int busy_workers = 0;          // how many; counts as of any kind if `busy` is empty
  std::vector<IdleWorker> busy;  // the same ones, if their kinds are known
};

struct View {
  std::vector<QueuedJob> jobs;
  std::vector<IdleWorker> idle;
  Load load;
};

struct Start {
  std::string job;
  std::vector<std::string> workers;  // min_workers..workers of them, in rank order
};

// Why a job waits: from a closed list, with one line for people.
enum class WaitReason { kNoWorkers, kTooFewWorkers, kBehindOthers, kRetryPause };

struct Wait {
  std::string job;
  WaitReason reason;
  std::string text;  // "waits for 4 cpu workers: 1 idle, 2 busy"
};

struct Decision {
  std::vector<Start> starts;
  std::vector<Wait> waits;
};

// Rules, in this order:
// 1. Jobs are looked at by priority (higher first), then age, then id.
// 2. A gang is all-or-nothing: of one device kind (`any`: either), one kernel family and one MPI
//    world or none, with at least `min_workers` and at most `workers` members, as many as there
//    are. Of several possible gangs: the larger, then cuda before cpu, then the one that leaves
//    fewer workers of its kind over.
// 3. An MPI world runs one job at a time: no gang in a world with a busy worker.
// 4. A job that waits keeps the idle workers that it could use, so that no later job delays it -
//    unless the workers attached now, busy ones too, are too few for it ever: then it keeps none.
//    So small jobs never starve a large one, and one that cannot start holds nobody up.
// 5. A job in its pause between attempts keeps nothing.
// Every job gets exactly one Start or Wait. The result depends on what is in the view, not on its
// order.
Decision Schedule(const View& view, absl::Time now);

}  // namespace hebb::scheduler

#endif  // HEBB_SERVER_SCHEDULER_SCHEDULER_H_
