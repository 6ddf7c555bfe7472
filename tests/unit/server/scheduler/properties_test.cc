// SPDX-License-Identifier: Apache-2.0
// The scheduler by property on random views: whatever it is shown, it never breaks a gang's
// conditions and never contradicts itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/scheduler/scheduler.h"
#include "tests/unit/server/scheduler/views.h"

namespace hebb::scheduler {
namespace {

class RandomViews {
 public:
  explicit RandomViews(uint32_t seed) : random_(seed) {}

  View Next() {
    View view;
    for (int i = 0, n = Below(8); i < n; ++i) view.jobs.push_back(RandomJob(i));
    for (int i = 0, n = Below(10); i < n; ++i) view.idle.push_back(Worker("i", i));
    for (int i = 0, n = Below(5); i < n; ++i) view.running.push_back(RandomRunning(i));
    for (const char* user : {"ann", "bob", "cy"}) {
      view.users[user] = {1.0 + Below(3), 600.0 * Below(4), Below(3) == 0 ? 1 + Below(6) : 0};
    }
    view.policy.backfill = Below(4) > 0;
    view.policy.preempt = Below(4) > 0;
    return view;
  }
  std::mt19937& random() { return random_; }

 private:
  int Below(int end) { return static_cast<int>(random_() % static_cast<uint32_t>(end)); }
  QueuedJob RandomJob(int i) {
    const char* devices[] = {"cpu", "cpu", "cuda", "any"};
    const int workers = 1 + Below(5);
    QueuedJob job = Job(absl::StrCat("j", i), workers, 1 + Below(workers), devices[Below(4)]);
    job = Urgent(Older(job, Below(3)), Below(3) - 1);
    if (Below(6) == 0) job.not_before = kNow + absl::Seconds(Below(3));
    if (Below(2) == 0) job.runs_at_most = absl::Seconds(1 + Below(50));
    const char* users[] = {"ann", "bob", "cy"};
    job.user = users[Below(3)];
    return Below(3) == 0 ? Needs(job, 1 + Below(3)) : job;
  }
  // Its workers are of one kind, as those of any gang.
  RunningJob RandomRunning(int i) {
    RunningJob job;
    job.id = absl::StrCat("r", i);
    const char* users[] = {"ann", "bob", "cy"};
    job.user = users[Below(3)];
    job.priority = Below(3) - 1;
    job.since = kNow - absl::Seconds(Below(30));
    IdleWorker worker = Worker("b", i);
    for (int k = 0, n = 1 + Below(4); k < n; ++k) {
      worker.id = absl::StrCat("b", i, "-", k);
      job.workers.push_back(worker);
    }
    if (Below(3) > 0) job.estimated_end = kNow + absl::Seconds(Below(60));
    job.stopping = Below(6) == 0;
    job.preemptible = !job.stopping && Below(3) > 0;
    return job;
  }
  IdleWorker Worker(const char* prefix, int i) {
    const char* worlds[] = {"", "", "A", "B"};
    IdleWorker worker = {absl::StrCat(prefix, i), Below(3) == 0 ? "cuda" : "cpu",
                         Below(4) == 0 ? "x" : "y", worlds[Below(4)], absl::StrCat("h", Below(3))};
    if (worker.device == "cuda") {
      worker.memory = int64_t{1 + Below(3)} << 30;
      worker.memory_free = Below(4) == 0 ? worker.memory / 2 : worker.memory;
    }
    return worker;
  }
  std::mt19937 random_;
};

std::string Text(const Decision& decision) {
  std::string text;
  for (const Start& s : decision.starts) {
    absl::StrAppend(&text, s.job, ": ", absl::StrJoin(s.workers, " "), "\n");
  }
  for (const Wait& w : decision.waits) {
    absl::StrAppend(&text, w.position, " ", w.job, "? ", WaitReasonName(w.reason), " ", w.text,
                    " starts ", absl::FormatTime(w.estimated_start), "\n");
  }
  for (const Preemption& p : decision.preemptions) {
    absl::StrAppend(&text, p.victim, " stops for ", p.for_job, "\n");
  }
  return text;
}

// Everything a Start promises, judged from the view alone.
void CheckStarts(const View& view, const Decision& decision) {
  std::map<std::string, const IdleWorker*> idle;
  for (const IdleWorker& worker : view.idle) idle[worker.id] = &worker;
  std::map<std::string, const QueuedJob*> jobs;
  for (const QueuedJob& job : view.jobs) jobs[job.id] = &job;
  std::set<std::string> taken;
  std::set<std::string> worlds;
  std::map<std::string, int64_t> held;
  for (const RunningJob& running : view.running) {
    held[running.user] += static_cast<int64_t>(running.workers.size());
    for (const IdleWorker& worker : running.workers) worlds.insert(worker.mpi_world);
  }
  for (const Start& start : decision.starts) {
    const QueuedJob& job = *jobs.at(start.job);
    const auto size = static_cast<int64_t>(start.workers.size());
    EXPECT_GE(size, job.min_workers);
    EXPECT_LE(size, job.workers);
    EXPECT_LE(job.not_before, kNow);
    const int64_t limit = view.users.at(job.user).max_workers;
    held[job.user] += size;
    if (limit > 0) {
      EXPECT_LE(held[job.user], limit) << "the quota of " << job.user;
    }
    const IdleWorker& first = *idle.at(start.workers.front());
    EXPECT_TRUE(job.device == "any" || job.device == first.device);
    EXPECT_TRUE(first.mpi_world.empty() || worlds.insert(first.mpi_world).second);
    for (const std::string& id : start.workers) {
      EXPECT_TRUE(taken.insert(id).second) << id << " is assigned twice";
      const IdleWorker& worker = *idle.at(id);
      EXPECT_EQ(worker.device, first.device);
      EXPECT_TRUE(worker.device == "cpu" || worker.memory_free >= job.gpu_memory);
      EXPECT_EQ(worker.kernel_family, first.kernel_family);
      EXPECT_EQ(worker.mpi_world, first.mpi_world);
    }
  }
}

void CheckEveryJobHasOneAnswer(const View& view, const Decision& decision) {
  std::multiset<std::string> answered;
  for (const Start& start : decision.starts) answered.insert(start.job);
  for (const Wait& wait : decision.waits) {
    answered.insert(wait.job);
    EXPECT_FALSE(wait.text.empty());
  }
  EXPECT_EQ(answered.size(), view.jobs.size());
  for (const QueuedJob& job : view.jobs) EXPECT_EQ(answered.count(job.id), 1u) << job.id;
}

// A job is delayed by none behind it: what starts is the same when those behind are gone.
void CheckNobodyBehindMatters(const View& view, const Decision& decision) {
  std::vector<QueuedJob> queue;
  for (const QueuedJob* job : QueueOrder(view)) queue.push_back(*job);
  while (!queue.empty()) {
    View shorter = view;
    shorter.jobs = queue;
    const Decision less = Schedule(shorter, kNow);
    for (const Start& start : less.starts) {
      const auto same = [&](const Start& s) {
        return s.job == start.job && s.workers == start.workers;
      };
      EXPECT_TRUE(std::any_of(decision.starts.begin(), decision.starts.end(), same)) << start.job;
    }
    queue.pop_back();
  }
}

// Only strictly lower priorities stop, only those that may, each once, and none could be spared.
void CheckPreemptions(const View& view, const Decision& decision) {
  std::set<std::string> stopped;
  std::set<std::string> waiting;
  for (const Wait& wait : decision.waits) waiting.insert(wait.job);
  for (const Preemption& each : decision.preemptions) {
    const auto victim = std::find_if(view.running.begin(), view.running.end(),
                                     [&](const RunningJob& r) { return r.id == each.victim; });
    const auto job = std::find_if(view.jobs.begin(), view.jobs.end(),
                                  [&](const QueuedJob& q) { return q.id == each.for_job; });
    ASSERT_TRUE(victim != view.running.end() && job != view.jobs.end());
    EXPECT_LT(victim->priority, job->priority);
    EXPECT_TRUE(victim->preemptible && view.policy.preempt);
    EXPECT_LE(victim->since + view.policy.protect, kNow);
    EXPECT_TRUE(stopped.insert(each.victim).second) << each.victim << " stops twice";
    EXPECT_TRUE(waiting.contains(each.for_job));
  }
}

// Time goes on, every estimate is true, what was started runs as long as it said: whoever was told
// a start starts then or before, whatever was started behind it meanwhile.
void CheckEstimatesAreKept(View view, const Decision& decision) {
  for (const Wait& wait : decision.waits) {
    if (wait.estimated_start == absl::InfiniteFuture()) continue;
    View later = view;
    std::map<std::string, IdleWorker> idle;
    for (const IdleWorker& worker : view.idle) idle[worker.id] = worker;
    later.jobs.clear();
    std::vector<RunningJob> running = view.running;
    for (const Start& start : decision.starts) {
      RunningJob& job = running.emplace_back();
      job.id = start.job;
      const auto queued = std::find_if(view.jobs.begin(), view.jobs.end(),
                                       [&](const QueuedJob& q) { return q.id == start.job; });
      if (queued->runs_at_most) job.estimated_end = kNow + *queued->runs_at_most;
      for (const std::string& id : start.workers) {
        job.workers.push_back(idle.at(id));
        idle.erase(id);
      }
    }
    later.running.clear();
    for (const RunningJob& job : running) {
      if (job.estimated_end > kNow && job.estimated_end <= wait.estimated_start) {
        for (IdleWorker worker : job.workers) {
          worker.memory_free = worker.memory;
          idle[worker.id] = worker;
        }
      } else {
        later.running.push_back(job);
      }
    }
    later.idle.clear();
    for (const auto& [id, worker] : idle) later.idle.push_back(worker);
    for (const QueuedJob& job : view.jobs) {
      if (job.id == wait.job) later.jobs.push_back(job);
    }
    later.users.clear();
    EXPECT_EQ(Schedule(later, wait.estimated_start).starts.size(), 1u)
        << wait.job << " was told a start that was not kept";
  }
}

TEST(PropertiesTest, PropertiesHoldOnRandomViews) {
  RandomViews views(7);
  int starts = 0;
  int preemptions = 0;
  int estimates = 0;
  for (int round = 0; round < 3000 && !::testing::Test::HasFailure(); ++round) {
    View view = views.Next();
    const Decision decision = Schedule(view, kNow);
    SCOPED_TRACE(absl::StrCat("round ", round, "\n", Text(decision)));
    starts += static_cast<int>(decision.starts.size());
    CheckStarts(view, decision);
    CheckEveryJobHasOneAnswer(view, decision);
    CheckNobodyBehindMatters(view, decision);
    CheckPreemptions(view, decision);
    CheckEstimatesAreKept(view, decision);
    preemptions += static_cast<int>(decision.preemptions.size());
    for (const Wait& wait : decision.waits) {
      estimates += wait.estimated_start != absl::InfiniteFuture();
    }
    std::shuffle(view.jobs.begin(), view.jobs.end(), views.random());
    std::shuffle(view.idle.begin(), view.idle.end(), views.random());
    std::shuffle(view.running.begin(), view.running.end(), views.random());
    EXPECT_EQ(Text(Schedule(view, kNow)), Text(decision)) << "depends on the order of the view";
  }
  EXPECT_GT(starts, 1000) << "the views are too poor to prove anything";
  EXPECT_GT(preemptions, 100);
  EXPECT_GT(estimates, 300);
}

}  // namespace
}  // namespace hebb::scheduler
