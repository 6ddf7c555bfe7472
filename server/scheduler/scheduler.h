// SPDX-License-Identifier: Apache-2.0
// Which queued job gets which idle workers, who makes room, and why the others wait. Pure: a
// function of what it is shown, so it can be tested by table and run in a simulator.
// docs/scheduling.md says the same for users.
#ifndef HEBB_SERVER_SCHEDULER_SCHEDULER_H_
#define HEBB_SERVER_SCHEDULER_SCHEDULER_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
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
  std::string user = {};
  // It surely ends so soon after its start; absent: cannot be told.
  std::optional<absl::Duration> runs_at_most = std::nullopt;
  int64_t gpu_memory = 0;  // bytes that a worker's GPU must have for it; 0: any
};

struct IdleWorker {
  std::string id;
  std::string device;         // cpu | cuda
  std::string kernel_family;  // a gang is of one family
  std::string mpi_world;      // "" or the world it was started in; a gang lies within one or none
  std::string host = {};
  int64_t memory = 0;       // bytes of its GPU, 0 without one
  int64_t memory_free = 0;  // of those, by what it last said; of no meaning while it has a job
};

// A job that holds workers.
struct RunningJob {
  std::string id;
  std::string user = {};
  int64_t priority = 0;
  std::vector<IdleWorker> workers = {};
  absl::Time since = absl::InfinitePast();            // when its attempt began
  absl::Time estimated_end = absl::InfiniteFuture();  // infinite: cannot be told
  bool preemptible = false;                           // it can be stopped with a checkpoint now
  bool stopping = false;  // it has been asked to stop: its workers come soon
};

struct User {
  double weight = 1;        // > 0: its part of the workers beside the others'
  double usage = 0;         // worker-seconds, older ones counting less
  int64_t max_workers = 0;  // at once; 0: no limit
};

struct Policy {
  bool backfill = true;
  bool preempt = true;
  // An attempt is not preempted before it has run for so long: bounds what restarts cost.
  absl::Duration protect = absl::Seconds(10);
};

struct View {
  std::vector<QueuedJob> jobs;
  std::vector<IdleWorker> idle;
  std::vector<RunningJob> running;
  std::map<std::string, User> users;  // who is not in it has the defaults
  Policy policy;
};

struct Start {
  std::string job;
  std::vector<std::string> workers;  // min_workers..workers of them, in rank order
};

// Stop `victim` with a checkpoint, for the waiting job `for_job`.
struct Preemption {
  std::string victim;
  std::string for_job;
};

// Why a job waits: a closed list, with one line for people.
enum class WaitReason {
  kNoWorkers,      // none of the asked device is attached
  kTooFewWorkers,  // the others are busy, of another kind, or not attached
  kBehindOthers,   // the idle ones are kept for a job before it
  kRetryPause,     // a pause after a lost attempt
  kQuota,          // its user holds as many as it may
  kPreempting,     // jobs of lower priority stop for it
  kUnfitWorkers,   // those it would get could not prepare for it a moment ago
};
absl::string_view WaitReasonName(WaitReason reason);  // "no_workers" ...
inline constexpr std::array kWaitReasons = {WaitReason::kNoWorkers,    WaitReason::kTooFewWorkers,
                                            WaitReason::kBehindOthers, WaitReason::kRetryPause,
                                            WaitReason::kQuota,        WaitReason::kPreempting,
                                            WaitReason::kUnfitWorkers};

// A job that holds workers which the waiting job could use.
struct Holder {
  std::string job;
  std::string user;
  int64_t workers = 0;
  absl::Time estimated_end = absl::InfiniteFuture();  // infinite: cannot be told
};

struct Wait {
  std::string job;
  WaitReason reason = WaitReason::kTooFewWorkers;
  std::string text = {};                                // "waits for 4 cpu workers: 1 idle, 2 busy"
  int64_t position = 0;                                 // in the queue; 1 is the head
  std::vector<Holder> holders = {};                     // the first few to end
  absl::Time estimated_start = absl::InfiniteFuture();  // infinite: cannot be told
};

struct Decision {
  std::vector<Start> starts;
  std::vector<Wait> waits;
  std::vector<Preemption> preemptions;
  std::vector<std::string> kept;  // idle workers that a waiting job keeps: for nobody else
  absl::Time look_again = absl::InfiniteFuture();  // a protected attempt may then be preempted
};

// The order in which jobs are looked at: higher priority; then the user whose usage beside its
// weight is least, counting what it holds and what of it stands before in the queue; then age, id.
// The pointers are into `view`.
std::vector<const QueuedJob*> QueueOrder(const View& view);

// Rules, in this order:
// 1. Jobs are looked at in QueueOrder.
// 2. A gang is all-or-nothing: of one device kind (`any`: either), one kernel family and one MPI
//    world or none, with at least `min_workers` and at most `workers` members, as many as there
//    are. Of several possible gangs: the larger, then cuda before cpu, then the one that leaves
//    fewer workers of its kind over. It lies on as few hosts as can be.
//    A worker with a GPU is taken only if that has the memory free which the job asks for.
// 3. An MPI world runs one job at a time: no gang in a world with a busy worker.
// 4. No user holds more than its `max_workers`; a job that would break that keeps nothing.
// 5. A job that waits and could start with the workers attached now keeps workers: where its start
//    can be told from the ends of running jobs, those of the kind where it starts first, else all
//    idle ones it could use. A later job takes kept workers only if it surely ends before that
//    start, or if they are more than the keeper can use then (backfill). So no later job delays it.
// 6. A job that waits preempts running jobs of strictly lower priority, the lowest and then the
//    youngest first, if they make room for it; none that can be spared, none before
//    Policy::protect, and none of an MPI world.
// 7. A job in its pause between attempts keeps nothing.
// Every job gets exactly one Start or Wait. The result depends on what is in the view, not on its
// order. Time: O(jobs log users + jobs x kinds + workers log workers).
Decision Schedule(const View& view, absl::Time now);

}  // namespace hebb::scheduler

#endif  // HEBB_SERVER_SCHEDULER_SCHEDULER_H_
