// SPDX-License-Identifier: Apache-2.0
// The power goes at every point at which the store touches the disk, and the disk loses what was
// not synced in every way it may: what was acknowledged is there afterwards, and what was not is
// there as a whole or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/store/memory_job_store.h"
#include "server/store/sqlite_job_store.h"
#include "tests/testing/cut_disk.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::CutDisk;
using hebb::testing::FillRun;
using hebb::testing::Lost;
using hebb::testing::SampleJob;
using hebb::testing::SampleSweep;
using hebb::testing::SampleTime;
using hebb::testing::Text;

constexpr char kPath[] = "/state.db";
constexpr absl::Duration kBusy = absl::Milliseconds(50);
constexpr std::array<const char*, 4> kJobs = {"j-a", "j-b", "j-s1", "j-s2"};

// Everything that a store knows of these jobs.
std::string Everything(JobStore& store) {
  std::string text;
  for (const char* id : kJobs) {
    const auto job = store.Get(id);
    if (!job.ok()) continue;
    absl::StrAppend(&text, Text(*job));
    const auto add = [&text](const auto& records) {
      ASSERT_TRUE(records.ok()) << records.status();
      for (const auto& record : *records) absl::StrAppend(&text, Text(record), "\n");
    };
    add(store.Epochs(id));
    add(store.Events(id));
    add(store.Checkpoints(id));
  }
  const auto listing = store.List({}, {});
  for (const auto& [state, count] : listing->counts) {
    absl::StrAppend(&text, job::StateName(state), " ", count, "\n");
  }
  for (const auto& job : listing->jobs) absl::StrAppend(&text, job.id, "\n");
  const auto sweeps = store.ListSweeps();
  for (const auto& sweep : *sweeps) absl::StrAppend(&text, Text(sweep.sweep), "\n");
  return text;
}

// One acknowledged step of a coordinator's life each.
using Step = std::function<absl::Status(JobStore&)>;
std::vector<Step> Life(size_t text_bytes) {
  std::vector<Step> steps;
  const auto create = [text_bytes](const char* id) {
    return [id, text_bytes](JobStore& store) {
      job::Job job = SampleJob(id, id);
      job.yaml = std::string(text_bytes, 'y');
      return store.Create(job).status();
    };
  };
  steps.push_back(create("j-a"));
  for (int64_t round = 1; round <= 3; ++round) {
    steps.push_back([round](JobStore& store) {
      const auto change = [round](job::Job& job) {
        FillRun(job);
        job.state = round % 2 == 0 ? job::State::kQueued : job::State::kStarting;
        job.step = round;
        return absl::OkStatus();
      };
      return store.Update("j-a", change).status();
    });
    steps.push_back([round](JobStore& store) {
      return store.PutEpoch("j-a", {round, round, {}, {{"conv1", 0.5}, {"out", 0.25}}, 1.0});
    });
    steps.push_back([round](JobStore& store) {
      return store.AppendEvent("j-a", {SampleTime(round), absl::StrCat("round ", round)});
    });
    steps.push_back([round](JobStore& store) {
      return store.PutCheckpoint("j-a", {absl::StrCat("s", round), 1, round, "d"}, 2).status();
    });
    if (round == 1) steps.push_back(create("j-b"));
    if (round == 2) {
      steps.push_back([](JobStore& store) {
        const auto [sweep, jobs] = SampleSweep("s-a", {"j-s1", "j-s2"});
        return store.CreateSweep(sweep, jobs).status();
      });
    }
  }
  return steps;
}

// Lives until the end or the power's. How many steps were acknowledged. The coordinator is started
// anew in the middle, which closes the file.
size_t Live(const std::vector<Step>& steps) {
  size_t done = 0;
  for (const size_t end : {steps.size() / 2, steps.size()}) {
    const auto store = SqliteJobStore::Open(kPath, kBusy);
    if (!store.ok()) return done;
    for (; done < end; ++done) {
      if (!steps[done](**store).ok()) return done;
    }
  }
  return done;
}

std::string Soundness() {
  auto database = Database::Open(kPath, kBusy);
  if (!database.ok()) return std::string(database.status().message());
  auto row = (*database)->Prepare("PRAGMA integrity_check");
  return row.ok() && *row->Step() ? row->TakeText() : "no answer";
}

// Cuts the power at every `stride`-th point of this life, each in several ways.
void CutEverywhere(const std::vector<Step>& steps, int64_t stride) {
  MemoryJobStore model;
  std::vector<std::string> after = {Everything(model)};  // [n]: after n steps
  for (const Step& step : steps) {
    ASSERT_TRUE(step(model).ok());
    after.push_back(Everything(model));
  }
  int64_t operations = 0;
  {
    CutDisk disk;
    ASSERT_EQ(Live(steps), steps.size());
    operations = disk.operations();
  }
  ASSERT_GT(operations, 100);
  constexpr std::array<Lost, 4> kWays = {Lost::kAll, Lost::kNone, Lost::kSome, Lost::kSome};
  for (int64_t point = 1; point <= operations; point += stride) {
    for (size_t way = 0; way < kWays.size(); ++way) {
      SCOPED_TRACE(absl::StrCat("cut at ", point, " of ", operations, ", way ", way));
      CutDisk disk;
      disk.CutAt(point);
      const size_t done = Live(steps);
      disk.Restart(kWays[way], static_cast<uint64_t>(point) * 10 + way);
      const auto store = SqliteJobStore::Open(kPath, kBusy);
      ASSERT_TRUE(store.ok()) << store.status();
      const std::string found = Everything(**store);
      const bool as_next = done + 1 < after.size() && found == after[done + 1];
      ASSERT_TRUE(found == after[done] || as_next) << "after " << done << " steps";
      ASSERT_EQ(Soundness(), "ok");
    }
  }
}

TEST(PowerCutTest, AtEveryPointWhatWasAcknowledgedStaysAndTheRestIsWholeOrAbsent) {
  CutEverywhere(Life(100), 1);
}

// So much that the log is brought into the file while the store works. Most of its writes are the
// pages of the texts, one like the other: 47 is prime to how they repeat.
TEST(PowerCutTest, SoItIsWhileTheLogIsBroughtIntoTheFile) { CutEverywhere(Life(2'200'000), 47); }

// A thread's own two jobs; each round changes both in one transaction, then adds an event.
struct Writer {
  std::string id;
  int64_t rounds = 0;  // acknowledged updates
  int64_t events = 0;  // acknowledged

  std::vector<std::string> jobs() const { return {id + "1", id + "2"}; }
  void Run(JobStore& store) {
    for (const std::string& job : jobs()) {
      if (!store.Create(SampleJob(job, job)).ok()) return;
    }
    for (int64_t round = 1; round <= 12; ++round) {
      const auto changed = store.UpdateAll(jobs(), [round](job::Job& job) {
        job.step = round;
        return absl::OkStatus();
      });
      if (!changed.ok()) return;
      rounds = round;
      // Refused: its neighbours in the transaction must not care.
      EXPECT_FALSE(store
                       .Update(jobs()[0],
                               [](job::Job& job) {
                                 job.step = -1;
                                 return absl::AbortedError("no");
                               })
                       .ok());
      if (!store.AppendEvent(jobs()[0], {SampleTime(round), "x"}).ok()) return;
      events = round;
    }
  }
  void ExpectKept(JobStore& store) const {
    if (rounds == 0) return;
    const auto first = store.Get(jobs()[0]);
    const auto second = store.Get(jobs()[1]);
    ASSERT_TRUE(first.ok() && second.ok()) << id << ": " << first.status() << second.status();
    const int64_t step = first->step;
    EXPECT_EQ(second->step, step) << id << ": both or none";
    EXPECT_GE(step, rounds) << id;
    EXPECT_LE(step, rounds + 1) << id;
    const auto kept = static_cast<int64_t>(store.Events(jobs()[0])->size());
    EXPECT_GE(kept, events) << id;
    EXPECT_LE(kept, events + 1) << id;
  }
};

TEST(PowerCutTest, UnderGroupCommitOfSeveralThreadsEachKeepsWhatItWasTold) {
  constexpr int kThreads = 4;
  int cut_within = 0;
  for (int64_t point = 1; point <= 400; point += 3) {
    const Lost lost = point % 2 == 0 ? Lost::kAll : Lost::kSome;
    SCOPED_TRACE(absl::StrCat("cut at ", point));
    CutDisk disk;
    std::vector<Writer> writers;
    for (int t = 0; t < kThreads; ++t) writers.push_back({absl::StrCat("j-", t, "-")});
    {
      const auto store = SqliteJobStore::Open(kPath, kBusy);
      ASSERT_TRUE(store.ok()) << store.status();
      disk.CutAt(point);
      std::vector<std::thread> threads;
      for (Writer& writer : writers) {
        threads.emplace_back([&writer, &store] { writer.Run(**store); });
      }
      for (std::thread& thread : threads) thread.join();
      if (disk.is_cut()) ++cut_within;
    }
    disk.Restart(lost, static_cast<uint64_t>(point));
    const auto store = SqliteJobStore::Open(kPath, kBusy);
    ASSERT_TRUE(store.ok()) << store.status();
    for (const Writer& writer : writers) writer.ExpectKept(**store);
    ASSERT_EQ(Soundness(), "ok");
    if (HasFailure()) return;
  }
  EXPECT_GT(cut_within, 20) << "most of the points must lie within the writers' life";
}

// The disk is no disk if it cannot lose anything: without its syncs the store must be caught.
TEST(CutDiskTest, ForgetsWhatWasNotSynced) {
  CutDisk disk;
  {
    auto database = Database::Open(kPath, kBusy);
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE((*database)->Execute("CREATE TABLE t (x INTEGER)").ok());
    ASSERT_TRUE((*database)->Execute("PRAGMA synchronous = OFF; INSERT INTO t VALUES (1)").ok());
    disk.CutAt(1);
    EXPECT_FALSE((*database)->Execute("INSERT INTO t VALUES (2)").ok());
    EXPECT_TRUE(disk.is_cut());
  }
  disk.Restart(Lost::kAll, 1);
  auto database = Database::Open(kPath, kBusy);
  ASSERT_TRUE(database.ok()) << database.status();
  auto row = (*database)->Prepare("SELECT count(*) FROM t");
  ASSERT_TRUE(row.ok()) << row.status();
  ASSERT_TRUE(*row->Step());
  EXPECT_EQ(row->TakeInt(), 0);
}

}  // namespace
}  // namespace hebb::store
