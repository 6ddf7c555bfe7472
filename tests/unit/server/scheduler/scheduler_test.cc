// SPDX-License-Identifier: Apache-2.0
// The scheduler's rules by table, each case a small picture, and by property on random views:
// whatever it is shown, it never breaks a gang's conditions and never contradicts itself.
#include "server/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace hebb::scheduler {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000'000);

QueuedJob Job(const std::string& id, int64_t workers, int64_t min_workers,
              const std::string& device = "cpu") {
  QueuedJob job;
  job.id = id;
  job.workers = workers;
  job.min_workers = min_workers;
  job.device = device;
  job.created = kNow;
  return job;
}

QueuedJob Older(QueuedJob job, int seconds) {
  job.created -= absl::Seconds(seconds);
  return job;
}

QueuedJob Urgent(QueuedJob job, int64_t priority) {
  job.priority = priority;
  return job;
}

// "w1 w2:cuda w3:cpu:avx2 w4:cpu:avx512:world": device, kernel family and world may be left out.
std::vector<IdleWorker> Idle(const std::string& text) {
  std::vector<IdleWorker> workers;
  for (absl::string_view item : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    std::vector<std::string> parts = absl::StrSplit(item, ':');
    parts.resize(4);
    workers.push_back({parts[0], parts[1].empty() ? "cpu" : parts[1],
                       parts[2].empty() ? "avx512" : parts[2], parts[3]});
  }
  return workers;
}

View See(std::vector<QueuedJob> jobs, const std::string& idle, const std::string& busy = "") {
  View view;
  view.jobs = std::move(jobs);
  view.idle = Idle(idle);
  view.load.busy = Idle(busy);
  view.load.busy_workers = static_cast<int>(view.load.busy.size());
  return view;
}

// "a: w1 w2" for starts, "b? text" for waits, in the order of the decision.
std::vector<std::string> Lines(const View& view) {
  const Decision decision = Schedule(view, kNow);
  std::vector<std::string> lines;
  for (const Start& start : decision.starts) {
    lines.push_back(absl::StrCat(start.job, ": ", absl::StrJoin(start.workers, " ")));
  }
  for (const Wait& wait : decision.waits) lines.push_back(absl::StrCat(wait.job, "? ", wait.text));
  return lines;
}

using ::testing::ElementsAre;

TEST(SchedulerTest, AnEmptyQueueNeedsNothing) {
  EXPECT_THAT(Lines(See({}, "w1 w2")), ElementsAre());
}

TEST(SchedulerTest, AGangTakesAsManyAsItWantsInOrderOfTheirIds) {
  EXPECT_THAT(Lines(See({Job("a", 2, 1)}, "w3 w1 w2")), ElementsAre("a: w1 w2"));
}

TEST(SchedulerTest, AGangStartsWithFewerDownToItsMinimum) {
  EXPECT_THAT(Lines(See({Job("a", 4, 2)}, "w1 w2 w3")), ElementsAre("a: w1 w2 w3"));
  EXPECT_THAT(Lines(See({Job("a", 4, 2)}, "w1 w2")), ElementsAre("a: w1 w2"));
  EXPECT_THAT(Lines(See({Job("a", 4, 2)}, "w1", "w2")),
              ElementsAre("a? waits for 2 to 4 cpu workers: 1 idle, 1 busy"));
}

TEST(SchedulerTest, AGangIsAllOrNothing) {
  EXPECT_THAT(Lines(See({Job("a", 2, 2)}, "w1", "w2")),
              ElementsAre("a? waits for 2 cpu workers: 1 idle, 1 busy"));
  EXPECT_THAT(Lines(See({Job("a", 3, 3)}, "w1", "w2")),
              ElementsAre("a? waits for 3 cpu workers: 1 idle, 1 busy; more must attach"));
}

TEST(SchedulerTest, NoWorkerOfTheAskedKindIsSaid) {
  EXPECT_THAT(Lines(See({Job("a", 1, 1, "cuda")}, "w1 w2")),
              ElementsAre("a? no cuda worker is attached"));
  EXPECT_THAT(Lines(See({Job("a", 1, 1, "any")}, "")), ElementsAre("a? no worker is attached"));
  EXPECT_THAT(Lines(See({Job("a", 1, 1)}, "", "w1")),
              ElementsAre("a? waits for 1 cpu worker: 0 idle, 1 busy"));
}

TEST(SchedulerTest, PriorityGoesBeforeAgeAndAgeBeforeId) {
  EXPECT_THAT(
      Lines(See({Job("c", 1, 1), Older(Job("b", 1, 1), 9), Urgent(Job("a", 1, 1), 1)}, "w1")),
      ElementsAre("a: w1", testing::StartsWith("b? "), testing::StartsWith("c? ")));
  EXPECT_THAT(Lines(See({Job("c", 1, 1), Older(Job("b", 1, 1), 9), Job("a", 1, 1)}, "w1 w2")),
              ElementsAre("b: w1", "a: w2", "c? waits for 1 cpu worker: 0 idle, 2 busy"));
  EXPECT_THAT(Lines(See({Older(Job("a", 1, 1), 9), Urgent(Job("b", 1, 1), -1)}, "w1")),
              ElementsAre("a: w1", testing::StartsWith("b? ")));
}

TEST(SchedulerTest, AWaitingJobKeepsTheIdleWorkersItCouldUse) {
  EXPECT_THAT(Lines(See({Older(Job("big", 3, 3), 9), Job("small", 1, 1)}, "w1 w2", "w3")),
              ElementsAre("big? waits for 3 cpu workers: 2 idle, 1 busy",
                          "small? waits for 1 cpu worker: the idle ones are kept for job big, "
                          "which is before it in the queue"));
}

TEST(SchedulerTest, AJobBehindTakesWhatTheHeadCannotUse) {
  EXPECT_THAT(
      Lines(See({Older(Job("big", 3, 3), 9), Job("gpu", 1, 1, "cuda")}, "w1 w2 g1:cuda", "w3")),
      ElementsAre("gpu: g1", testing::StartsWith("big? ")));
}

TEST(SchedulerTest, AJobThatCanNeverStartWithTheseWorkersHoldsNobodyUp) {
  EXPECT_THAT(
      Lines(See({Older(Job("huge", 9, 9), 9), Job("small", 1, 1)}, "w1", "w2")),
      ElementsAre("small: w1", "huge? waits for 9 cpu workers: 1 idle, 1 busy; more must attach"));
}

TEST(SchedulerTest, BusyWorkersOfUnknownKindCountAsOfAny) {
  View view = See({Older(Job("big", 3, 3), 9), Job("small", 1, 1)}, "w1");
  view.load.busy_workers = 2;
  EXPECT_THAT(Lines(view), ElementsAre("big? waits for 3 cpu workers: 1 idle, 2 busy",
                                       testing::HasSubstr("kept for job big")));
}

TEST(SchedulerTest, EveryWaitingJobKeepsNotOnlyTheFirst) {
  EXPECT_THAT(Lines(See({Older(Job("a", 2, 2), 9), Older(Job("b", 2, 2, "cuda"), 5),
                         Job("c", 1, 1, "cuda")},
                        "w1 g1:cuda", "w2 g2:cuda")),
              ElementsAre(testing::StartsWith("a? "), testing::StartsWith("b? "),
                          testing::HasSubstr("kept for job b")));
}

TEST(SchedulerTest, APauseBetweenAttemptsKeepsNothing) {
  QueuedJob paused = Older(Job("a", 1, 1), 9);
  paused.not_before = kNow + absl::Milliseconds(2500);
  EXPECT_THAT(Lines(See({paused, Job("b", 1, 1)}, "w1")),
              ElementsAre("b: w1", "a? pauses after a lost attempt; starts again in 3 s"));
  paused.not_before = kNow;
  EXPECT_THAT(Lines(See({paused}, "w1")), ElementsAre("a: w1"));
}

TEST(SchedulerTest, AGangIsOfOneDeviceKind) {
  EXPECT_THAT(Lines(See({Job("a", 2, 2, "any")}, "w1 g1:cuda", "w2")),
              ElementsAre("a? waits for 2 workers: 2 idle, 1 busy; the idle ones are of 2 kinds "
                          "(device, kernel family or MPI world), a gang is of one"));
  EXPECT_THAT(Lines(See({Job("a", 2, 1, "any")}, "w1 g1:cuda")), ElementsAre("a: g1"));
  EXPECT_THAT(Lines(See({Job("a", 2, 1, "any")}, "w1 w2 g1:cuda")), ElementsAre("a: w1 w2"));
}

TEST(SchedulerTest, AGangIsOfOneKernelFamily) {
  EXPECT_THAT(Lines(See({Job("a", 3, 1)}, "w1:cpu:avx2 w2:cpu:avx512 w3:cpu:avx512")),
              ElementsAre("a: w2 w3"));
  EXPECT_THAT(Lines(See({Job("a", 3, 3)}, "w1:cpu:avx2 w2:cpu:avx512 w3:cpu:avx512")),
              ElementsAre(testing::HasSubstr("are of 2 kinds")));
}

TEST(SchedulerTest, OfEqualGangsTheTighterFitIsTaken) {
  EXPECT_THAT(Lines(See({Job("a", 2, 2)}, "w1:cpu:x w2:cpu:x w3:cpu:x w4:cpu:y w5:cpu:y")),
              ElementsAre("a: w4 w5"));
}

TEST(SchedulerTest, AGangLiesInOneMpiWorldOrInNone) {
  const std::string m = "m1:cpu::A m2:cpu::A w1";
  EXPECT_THAT(Lines(See({Job("a", 3, 1)}, m)), ElementsAre("a: m1 m2"));
  EXPECT_THAT(Lines(See({Job("a", 3, 3)}, m)), ElementsAre(testing::StartsWith("a? ")));
  EXPECT_THAT(Lines(See({Job("a", 1, 1)}, m)), ElementsAre("a: w1"));
}

TEST(SchedulerTest, AWorldRunsOneJobAtATime) {
  const std::string world = "m1:cpu::A m2:cpu::A m3:cpu::A";
  EXPECT_THAT(Lines(See({Older(Job("a", 1, 1), 9), Job("b", 1, 1)}, world)),
              ElementsAre("a: m1",
                          "b? waits for 1 cpu worker: 2 idle, 1 busy; "
                          "an MPI world runs one job at a time"));
  EXPECT_THAT(Lines(See({Job("b", 1, 1)}, "m2:cpu::A", "m1:cpu::A")),
              ElementsAre("b? waits for 1 cpu worker: 1 idle, 1 busy; "
                          "an MPI world runs one job at a time"));
  EXPECT_THAT(Lines(See({Job("b", 1, 1)}, "m2:cpu::B", "m1:cpu::A")), ElementsAre("b: m2"));
}

// ---- properties ---------------------------------------------------------------------------------

class RandomViews {
 public:
  explicit RandomViews(uint32_t seed) : random_(seed) {}

  View Next() {
    View view;
    for (int i = 0, n = Below(8); i < n; ++i) view.jobs.push_back(RandomJob(i));
    for (int i = 0, n = Below(10); i < n; ++i) view.idle.push_back(Worker("i", i));
    for (int i = 0, n = Below(5); i < n; ++i) view.load.busy.push_back(Worker("b", i));
    view.load.busy_workers = static_cast<int>(view.load.busy.size());
    if (Below(4) == 0) view.load.busy.clear();
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
    return job;
  }
  IdleWorker Worker(const char* prefix, int i) {
    const char* worlds[] = {"", "", "A", "B"};
    return {absl::StrCat(prefix, i), Below(3) == 0 ? "cuda" : "cpu", Below(4) == 0 ? "x" : "y",
            worlds[Below(4)]};
  }
  std::mt19937 random_;
};

std::string Text(const Decision& decision) {
  std::string text;
  for (const Start& s : decision.starts) {
    absl::StrAppend(&text, s.job, ": ", absl::StrJoin(s.workers, " "), "\n");
  }
  for (const Wait& w : decision.waits) {
    absl::StrAppend(&text, w.job, "? ", static_cast<int>(w.reason), " ", w.text, "\n");
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
  for (const IdleWorker& worker : view.load.busy) worlds.insert(worker.mpi_world);
  for (const Start& start : decision.starts) {
    const QueuedJob& job = *jobs.at(start.job);
    const auto size = static_cast<int64_t>(start.workers.size());
    EXPECT_GE(size, job.min_workers);
    EXPECT_LE(size, job.workers);
    EXPECT_LE(job.not_before, kNow);
    const IdleWorker& first = *idle.at(start.workers.front());
    EXPECT_TRUE(job.device == "any" || job.device == first.device);
    EXPECT_TRUE(first.mpi_world.empty() || worlds.insert(first.mpi_world).second);
    for (const std::string& id : start.workers) {
      EXPECT_TRUE(taken.insert(id).second) << id << " is assigned twice";
      const IdleWorker& worker = *idle.at(id);
      EXPECT_EQ(worker.device, first.device);
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

// A job is delayed by none behind it: what starts or waits is the same when those behind are gone.
void CheckNobodyBehindMatters(const View& view, const Decision& decision) {
  std::vector<QueuedJob> queue = view.jobs;
  std::sort(queue.begin(), queue.end(), [](const QueuedJob& a, const QueuedJob& b) {
    return std::tie(b.priority, a.created, a.id) < std::tie(a.priority, b.created, b.id);
  });
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

TEST(SchedulerTest, PropertiesHoldOnRandomViews) {
  RandomViews views(7);
  int starts = 0;
  for (int round = 0; round < 3000 && !::testing::Test::HasFailure(); ++round) {
    View view = views.Next();
    const Decision decision = Schedule(view, kNow);
    SCOPED_TRACE(absl::StrCat("round ", round, "\n", Text(decision)));
    starts += static_cast<int>(decision.starts.size());
    CheckStarts(view, decision);
    CheckEveryJobHasOneAnswer(view, decision);
    CheckNobodyBehindMatters(view, decision);
    std::shuffle(view.jobs.begin(), view.jobs.end(), views.random());
    std::shuffle(view.idle.begin(), view.idle.end(), views.random());
    std::shuffle(view.load.busy.begin(), view.load.busy.end(), views.random());
    EXPECT_EQ(Text(Schedule(view, kNow)), Text(decision)) << "depends on the order of the view";
  }
  EXPECT_GT(starts, 1000) << "the views are too poor to prove anything";
}

}  // namespace
}  // namespace hebb::scheduler
