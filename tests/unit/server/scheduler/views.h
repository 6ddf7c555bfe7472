// SPDX-License-Identifier: Apache-2.0
// Small pictures of what a scheduler sees, and its decisions as lines.
#ifndef HEBB_TESTS_UNIT_SERVER_SCHEDULER_VIEWS_H_
#define HEBB_TESTS_UNIT_SERVER_SCHEDULER_VIEWS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/scheduler/scheduler.h"

namespace hebb::scheduler {

inline const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

inline QueuedJob Job(const std::string& id, int64_t workers, int64_t min_workers,
                     const std::string& device = "cpu") {
  QueuedJob job;
  job.id = id;
  job.workers = workers;
  job.min_workers = min_workers;
  job.device = device;
  job.created = kNow;
  return job;
}

inline QueuedJob Older(QueuedJob job, int seconds) {
  job.created -= absl::Seconds(seconds);
  return job;
}

// Asks for GPUs with so many GiB.
inline QueuedJob Needs(QueuedJob job, int64_t gib) {
  job.gpu_memory = gib << 30;
  return job;
}

inline QueuedJob Urgent(QueuedJob job, int64_t priority) {
  job.priority = priority;
  return job;
}

// "w1 w2:cuda w3:cpu:avx2 w4:cpu:avx512:world g5:cuda:::80:40": device, kernel family, world, GiB
// of its GPU and those that are free (all of them) may be left out.
inline std::vector<IdleWorker> Idle(const std::string& text) {
  std::vector<IdleWorker> workers;
  for (absl::string_view item : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    std::vector<std::string> parts = absl::StrSplit(item, ':');
    parts.resize(6);
    workers.push_back({parts[0], parts[1].empty() ? "cpu" : parts[1],
                       parts[2].empty() ? "avx512" : parts[2], parts[3]});
    if (parts[4].empty()) continue;
    workers.back().memory = std::stoll(parts[4]) << 30;
    workers.back().memory_free = std::stoll(parts[5].empty() ? parts[4] : parts[5]) << 30;
  }
  return workers;
}

inline View See(std::vector<QueuedJob> jobs, const std::string& idle,
                const std::string& busy = "") {
  View view;
  view.jobs = std::move(jobs);
  view.idle = Idle(idle);
  for (const IdleWorker& worker : Idle(busy)) {
    RunningJob& job = view.running.emplace_back();
    job.id = absl::StrCat("of-", worker.id);
    job.workers = {worker};
  }
  return view;
}

inline RunningJob Running(const std::string& id, const std::string& workers, int64_t priority = 0) {
  RunningJob job;
  job.id = id;
  job.workers = Idle(workers);
  job.priority = priority;
  job.since = kNow - absl::Minutes(5);
  job.preemptible = true;
  return job;
}

inline RunningJob Ends(RunningJob job, int seconds) {
  job.estimated_end = kNow + absl::Seconds(seconds);
  return job;
}

inline QueuedJob RunsFor(QueuedJob job, int seconds) {
  job.runs_at_most = absl::Seconds(seconds);
  return job;
}

inline QueuedJob Of(const std::string& user, QueuedJob job) {
  job.user = user;
  return job;
}

// "a: w1 w2" for starts, "b? text" for waits, in the order of the decision.
inline std::vector<std::string> Lines(const View& view) {
  const Decision decision = Schedule(view, kNow);
  std::vector<std::string> lines;
  for (const Start& start : decision.starts) {
    lines.push_back(absl::StrCat(start.job, ": ", absl::StrJoin(start.workers, " ")));
  }
  for (const Wait& wait : decision.waits) lines.push_back(absl::StrCat(wait.job, "? ", wait.text));
  for (const Preemption& each : decision.preemptions) {
    lines.push_back(absl::StrCat(each.victim, " stops for ", each.for_job));
  }
  return lines;
}

}  // namespace hebb::scheduler

#endif  // HEBB_TESTS_UNIT_SERVER_SCHEDULER_VIEWS_H_
