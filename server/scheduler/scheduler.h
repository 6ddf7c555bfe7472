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
  std::string device;      // cpu | cuda | any
  absl::Time created;
  absl::Time not_before = absl::InfinitePast();  // a pause between attempts
};

struct IdleWorker {
  std::string id;
  std::string device;         // cpu | cuda
  std::string kernel_family;  // a gang is of one family
  std::string mpi_world;      // "" or the world it was started in; a gang lies within one or none
};

// Workers in use, to name in reasons.
struct Load {
  int busy_workers = 0;
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

// Priority, then age; gangs all-or-nothing; as many workers as the job asks for, at least its
// minimum. A job that cannot start holds nothing back from the jobs behind it only if they do not
// delay it: the head of the queue reserves what it waits for.
Decision Schedule(const View& view, absl::Time now);

}  // namespace hebb::scheduler

#endif  // HEBB_SERVER_SCHEDULER_SCHEDULER_H_
