// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of jobs (server/store/job_store.h), proved on each implementation.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::FillRun;
using hebb::testing::SampleJob;
using hebb::testing::SampleMetrics;
using hebb::testing::SampleTime;
using hebb::testing::Text;

TEST_P(JobStoreContractTest, GivesBackEveryFieldOfAJob) {
  job::Job job = SampleJob("j-aaaa1111", "first");
  FillRun(job);
  const auto created = store().Create(job);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(Text(*created), Text(job));
  EXPECT_EQ(Text(*Look().Get("j-aaaa1111")), Text(job));
}

TEST_P(JobStoreContractTest, RefusesAJobWithoutIdAndASecondOfTheSameId) {
  EXPECT_TRUE(absl::IsInvalidArgument(store().Create(SampleJob("", "x")).status()));
  Create(SampleJob("j-aaaa1111", "first"));
  job::Job second = SampleJob("j-aaaa1111", "second");
  second.request_id = "another";
  EXPECT_TRUE(absl::IsAlreadyExists(store().Create(second).status()));
  EXPECT_EQ(Look().Get("j-aaaa1111")->name, "first");
}

TEST_P(JobStoreContractTest, CreateIsIdempotentByRequestId) {
  Create(SampleJob("j-aaaa1111", "first"));
  job::Job repeat = SampleJob("j-bbbb2222", "other");
  repeat.request_id = "request-j-aaaa1111";
  const auto again = Look().Create(repeat);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id, "j-aaaa1111");
  EXPECT_EQ(again->name, "first");
  EXPECT_EQ(Ids(true).size(), 1u);
}

TEST_P(JobStoreContractTest, JobsWithoutRequestIdAreNeverTheSame) {
  for (const char* id : {"j-aaaa1111", "j-bbbb2222"}) {
    job::Job job = SampleJob(id, "n");
    job.request_id.clear();
    Create(job);
  }
  EXPECT_EQ(Ids(true).size(), 2u);
}

TEST_P(JobStoreContractTest, FindsByIdUniquePrefixAndUniqueName) {
  Create(SampleJob("j-aaaa1111", "first"));
  Create(SampleJob("j-aabb2222", "second"));
  EXPECT_EQ(Look().Get("j-aaaa1111")->name, "first");
  EXPECT_EQ(Look().Get("j-aab")->name, "second");
  EXPECT_EQ(Look().Get("second")->id, "j-aabb2222");
}

TEST_P(JobStoreContractTest, SaysWhenAKeyFitsNoneOrSeveral) {
  Create(SampleJob("j-aaaa1111", "same"));
  Create(SampleJob("j-aabb2222", "same"));
  for (const char* key : {"same", "j-aa", "j-"}) {
    const absl::Status status = Look().Get(key).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find("j-aaaa1111 (same), j-aabb2222 (same)"), std::string::npos)
        << status;
  }
  for (const char* key : {"", "nothing", "%", "j_aa", "J-AAAA1111"}) {
    EXPECT_TRUE(absl::IsNotFound(Look().Get(key).status())) << key;
  }
}

TEST_P(JobStoreContractTest, AnExactIdWinsOverANameAndALongerId) {
  Create(SampleJob("j-aaaa", "first"));
  Create(SampleJob("j-aaaa1111", "second"));
  Create(SampleJob("j-cccc3333", "j-aaaa"));
  EXPECT_EQ(Look().Get("j-aaaa")->name, "first");
}

TEST_P(JobStoreContractTest, ListsNewestFirstAndHidesEndedJobs) {
  Create(SampleJob("j-b", "middle", 50));
  Create(SampleJob("j-c", "new", 100));
  Create(SampleJob("j-a", "old", 10));
  Create(SampleJob("j-d", "new too", 100));  // the same time: the later one is newer
  ASSERT_TRUE(Move("j-b", job::State::kCancelled).ok());
  EXPECT_EQ(Ids(false), (std::vector<std::string>{"j-d", "j-c", "j-a"}));
  EXPECT_EQ(Ids(true), (std::vector<std::string>{"j-d", "j-c", "j-b", "j-a"}));
}

TEST_P(JobStoreContractTest, AnEmptyStoreListsNothing) {
  EXPECT_TRUE(Ids(true).empty());
  const auto overview = Look().ReadOverview(absl::InfinitePast());
  ASSERT_TRUE(overview.ok());
  EXPECT_TRUE(overview->count.empty());
  EXPECT_TRUE(overview->recent.empty());
}

TEST_P(JobStoreContractTest, OverviewCountsAllAndShowsLivingAndRecentlyEnded) {
  for (const char* id : {"j-a", "j-b", "j-c"}) Create(SampleJob(id, id));
  for (const auto& [id, ended] : {std::pair("j-a", 100), std::pair("j-b", 200)}) {
    const auto updated = store().Update(id, [seconds = ended](job::Job& job) {
      job.state = job::State::kFailed;
      job.ended = SampleTime(seconds);
      return absl::OkStatus();
    });
    ASSERT_TRUE(updated.ok()) << updated.status();
  }
  const auto ids = [this](absl::Time after) {
    std::set<std::string> found;
    const auto overview = Look().ReadOverview(after);
    EXPECT_TRUE(overview.ok()) << overview.status();
    for (const job::Job& job : overview->recent) found.insert(job.id);
    return found;
  };
  EXPECT_EQ(ids(SampleTime(150)), (std::set<std::string>{"j-b", "j-c"}));
  EXPECT_EQ(ids(absl::InfiniteFuture()), (std::set<std::string>{"j-c"}));
  EXPECT_EQ(ids(absl::InfinitePast()), (std::set<std::string>{"j-a", "j-b", "j-c"}));
  const auto count = Look().ReadOverview(SampleTime(0))->count;
  EXPECT_EQ(count,
            (std::map<job::State, int64_t>{{job::State::kQueued, 1}, {job::State::kFailed, 2}}));
}

TEST_P(JobStoreContractTest, UpdateWritesEveryField) {
  Create(SampleJob("j-a", "first"));
  const auto updated = store().Update("j-a", [](job::Job& job) {
    FillRun(job);
    job.state = job::State::kStarting;
    job.reason = "";
    return absl::OkStatus();
  });
  ASSERT_TRUE(updated.ok()) << updated.status();
  job::Job expected = SampleJob("j-a", "first");
  FillRun(expected);
  expected.state = job::State::kStarting;
  expected.reason = "";
  EXPECT_EQ(Text(*updated), Text(expected));
  EXPECT_EQ(Text(*Look().Get("j-a")), Text(expected));
}

TEST_P(JobStoreContractTest, NewsOfAChangeAreEventsOnlyIfItIsWritten) {
  Create(SampleJob("j-a", "first"));
  const auto change_to = [this](job::State state) {
    return store().Update("j-a", [state](job::Job& job) {
      job.state = state;
      job.news.push_back({SampleTime(1), "told", "ann", "cancel"});
      return absl::OkStatus();
    });
  };
  EXPECT_FALSE(change_to(job::State::kSucceeded).ok());
  EXPECT_TRUE(Look().Events("j-a")->empty());
  const auto written = change_to(job::State::kCancelled);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_TRUE(written->news.empty());
  const auto events = *Look().Events("j-a");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].text, "told");
  EXPECT_EQ(events[0].actor, "ann");
  EXPECT_TRUE(Look().Get("j-a")->news.empty());
}

TEST_P(JobStoreContractTest, AttemptsAndMembersGrowAndShrink) {
  Create(SampleJob("j-a", "first"));
  for (int size : {3, 1, 0, 2}) {
    const auto updated = store().Update("j-a", [size](job::Job& job) {
      job.attempts.clear();
      job.members.clear();
      for (int i = 0; i < size; ++i) {
        job.attempts.push_back({i + 1, size, "lost", "", i, SampleTime(i), SampleTime(i + 1)});
        job.members.push_back({i, "w", "h", "cpu"});
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(updated.ok()) << updated.status();
    EXPECT_EQ(Text(*Look().Get("j-a")), Text(*updated));
    EXPECT_EQ(updated->attempts.size(), static_cast<size_t>(size));
  }
}

TEST_P(JobStoreContractTest, ARefusedTransitionLeavesNothingWritten) {
  Create(SampleJob("j-a", "first"));
  const std::string before = Text(*store().Get("j-a"));
  const absl::Status status = store()
                                  .Update("j-a",
                                          [](job::Job& job) {
                                            FillRun(job);
                                            job.state = job::State::kSucceeded;
                                            return absl::OkStatus();
                                          })
                                  .status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("QUEUED cannot become SUCCEEDED"), std::string::npos) << status;
  EXPECT_EQ(Text(*Look().Get("j-a")), before);
}

TEST_P(JobStoreContractTest, AnErrorOfTheChangeIsReturnedAndNothingIsWritten) {
  Create(SampleJob("j-a", "first"));
  const std::string before = Text(*store().Get("j-a"));
  const absl::Status status = store()
                                  .Update("j-a",
                                          [](job::Job& job) {
                                            FillRun(job);
                                            return absl::AbortedError("an old generation");
                                          })
                                  .status();
  EXPECT_EQ(status, absl::AbortedError("an old generation"));
  EXPECT_EQ(Text(*Look().Get("j-a")), before);
}

TEST_P(JobStoreContractTest, WhatIdentifiesAJobCannotBeChanged) {
  Create(SampleJob("j-a", "first"));
  const std::vector<std::function<void(job::Job&)>> changes = {
      [](job::Job& job) { job.id.push_back('x'); },
      [](job::Job& job) { job.request_id.push_back('x'); },
      [](job::Job& job) { job.created += absl::Seconds(1); },
      [](job::Job& job) { job.sweep = "s-other"; },
      [](job::Job& job) {
        job.point = {{"seed", "9"}};
      },
      [](job::Job& job) { job.attempts = {job::Attempt{}}; },  // numbered 0
  };
  const std::string before = Text(*store().Get("j-a"));
  for (const auto& change : changes) {
    const auto changed = store().Update("j-a", [&](job::Job& job) {
      change(job);
      return absl::OkStatus();
    });
    EXPECT_TRUE(absl::IsInternal(changed.status())) << changed.status();
  }
  EXPECT_EQ(Text(*Look().Get("j-a")), before);
}

TEST_P(JobStoreContractTest, AMissingJobIsNotFoundByEveryCall) {
  EXPECT_TRUE(absl::IsNotFound(Move("j-x", job::State::kQueued)));
  EXPECT_TRUE(absl::IsNotFound(store().PutEpoch("j-x", {})));
  EXPECT_TRUE(absl::IsNotFound(store().Epochs("j-x").status()));
  EXPECT_TRUE(absl::IsNotFound(store().AppendEvent("j-x", {SampleTime(0), "text"})));
  EXPECT_TRUE(absl::IsNotFound(store().Events("j-x").status()));
  EXPECT_TRUE(absl::IsNotFound(store().PutCheckpoint("j-x", {}, 3).status()));
  EXPECT_TRUE(absl::IsNotFound(store().Checkpoints("j-x").status()));
}

TEST_P(JobStoreContractTest, EpochsComeInOrderAndARepeatReplaces) {
  Create(SampleJob("j-a", "first"));
  Create(SampleJob("j-b", "other"));
  const job::EpochRecord one{1, 100, SampleMetrics(), {{"conv1", 0.5}, {"a", -0.25}}, 1.5};
  job::EpochRecord two{2, 200, {}, {{"conv1", 0.75}, {"a", 0.1}, {"b", 0.2}}, 2.5};
  ASSERT_TRUE(store().PutEpoch("j-a", two).ok());
  ASSERT_TRUE(store().PutEpoch("j-a", one).ok());
  two.alignment = {{"conv1", 0.8}};
  two.layers = {{"conv1", 30.5, 0.1, 0.2, 1e-3, 0.0},
                {"out", std::nullopt, 0.0, 0.0, 2e-3, std::nullopt}};
  two.metrics.test_accuracy = 0.9;
  ASSERT_TRUE(store().PutEpoch("j-a", two).ok());
  const auto epochs = Look().Epochs("j-a");
  ASSERT_TRUE(epochs.ok()) << epochs.status();
  ASSERT_EQ(epochs->size(), 2u);
  EXPECT_EQ(Text((*epochs)[0]), Text(one));
  EXPECT_EQ(Text((*epochs)[1]), Text(two));
  EXPECT_TRUE(store().Epochs("j-b")->empty());
}

TEST_P(JobStoreContractTest, EventsComeInTheOrderOfTheirArrival) {
  Create(SampleJob("j-a", "first"));
  const std::vector<job::Event> sent = {
      {SampleTime(5), "second by the clock"}, {SampleTime(1), "line\nbreak"}, {SampleTime(5), ""}};
  for (const job::Event& event : sent) ASSERT_TRUE(store().AppendEvent("j-a", event).ok());
  const auto events = Look().Events("j-a");
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), sent.size());
  for (size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(Text((*events)[i]), Text(sent[i]));
}

job::FileRef Checkpoint(int64_t step, const std::string& sha256) {
  return {sha256, 10 * step, step, absl::StrCat("w", sha256), SampleTime(step)};
}

std::vector<std::string> Texts(const std::vector<job::FileRef>& files) {
  std::vector<std::string> texts;
  for (const job::FileRef& file : files) texts.push_back(Text(file));
  return texts;
}

TEST_P(JobStoreContractTest, AFileIsACheckpointWhileAnyJobNamesIt) {
  Create(SampleJob("j-a", "first"));
  Create(SampleJob("j-b", "other"));
  ASSERT_TRUE(store().PutCheckpoint("j-a", Checkpoint(10, "aa"), 1).ok());
  ASSERT_TRUE(store().PutCheckpoint("j-b", Checkpoint(10, "aa"), 1).ok());
  ASSERT_TRUE(store().PutCheckpoint("j-a", Checkpoint(20, "bb"), 1).ok());
  EXPECT_TRUE(*Look().IsCheckpoint("aa"));
  ASSERT_TRUE(store().PutCheckpoint("j-b", Checkpoint(20, "cc"), 1).ok());
  EXPECT_FALSE(*Look().IsCheckpoint("aa"));
  ASSERT_TRUE(Move("j-a", job::State::kFailed).ok());
  EXPECT_TRUE(*Look().IsCheckpoint("bb")) << "ended jobs keep theirs";
}

TEST_P(JobStoreContractTest, KeepsTheNewestCheckpointsAndGivesBackTheRest) {
  Create(SampleJob("j-a", "first"));
  EXPECT_TRUE(store().PutCheckpoint("j-a", Checkpoint(100, "a"), 2)->empty());
  EXPECT_TRUE(store().PutCheckpoint("j-a", Checkpoint(200, "b"), 2)->empty());
  EXPECT_EQ(Texts(*store().PutCheckpoint("j-a", Checkpoint(300, "c"), 2)),
            Texts({Checkpoint(100, "a")}));
  EXPECT_EQ(Texts(*Look().Checkpoints("j-a")), Texts({Checkpoint(200, "b"), Checkpoint(300, "c")}));
  EXPECT_EQ(Texts(*store().PutCheckpoint("j-a", Checkpoint(400, "d"), 1)),
            Texts({Checkpoint(200, "b"), Checkpoint(300, "c")}));
  EXPECT_TRUE(
      absl::IsInvalidArgument(store().PutCheckpoint("j-a", Checkpoint(500, "e"), 0).status()));
}

TEST_P(JobStoreContractTest, TheSameCheckpointAgainChangesNothing) {
  Create(SampleJob("j-a", "first"));
  for (int step : {100, 200}) {
    ASSERT_TRUE(store().PutCheckpoint("j-a", Checkpoint(step, std::to_string(step)), 2).ok());
  }
  EXPECT_TRUE(store().PutCheckpoint("j-a", Checkpoint(100, "100"), 2)->empty());
  EXPECT_EQ(Texts(*Look().Checkpoints("j-a")),
            Texts({Checkpoint(100, "100"), Checkpoint(200, "200")}));
}

TEST_P(JobStoreContractTest, AnotherCheckpointOfTheSameStepReplacesAndIsTheNewest) {
  Create(SampleJob("j-a", "first"));
  for (int step : {100, 200}) {
    ASSERT_TRUE(store().PutCheckpoint("j-a", Checkpoint(step, std::to_string(step)), 2).ok());
  }
  EXPECT_EQ(Texts(*store().PutCheckpoint("j-a", Checkpoint(100, "new"), 2)),
            Texts({Checkpoint(100, "100")}));
  EXPECT_EQ(Texts(*Look().Checkpoints("j-a")),
            Texts({Checkpoint(200, "200"), Checkpoint(100, "new")}));
}

TEST_P(JobStoreContractTest, AFileThatAnotherJobNamesIsNotGivenBack) {
  Create(SampleJob("j-a", "first"));
  Create(SampleJob("j-b", "second"));
  ASSERT_TRUE(store().PutCheckpoint("j-a", Checkpoint(100, "shared"), 1).ok());
  ASSERT_TRUE(store().PutCheckpoint("j-b", Checkpoint(100, "shared"), 1).ok());
  EXPECT_TRUE(store().PutCheckpoint("j-a", Checkpoint(200, "b"), 1)->empty());
  EXPECT_EQ(Texts(*store().PutCheckpoint("j-b", Checkpoint(200, "c"), 1)),
            Texts({Checkpoint(100, "shared")}));
}

TEST_P(JobStoreContractTest, ConcurrentUpdatesAreAllCounted) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  Create(SampleJob("j-a", "first"));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < kRounds; ++i) {
        const auto updated = store().Update("j-a", [](job::Job& job) {
          ++job.step;
          return absl::OkStatus();
        });
        EXPECT_TRUE(updated.ok()) << updated.status();
        EXPECT_TRUE(store().AppendEvent("j-a", {SampleTime(i), "tick"}).ok());
        EXPECT_TRUE(store().Get("j-a").ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Look().Get("j-a")->step, kThreads * kRounds);
  EXPECT_EQ(store().Events("j-a")->size(), size_t{kThreads * kRounds});
}

TEST_P(JobStoreContractTest, ConcurrentRepeatsOfOneRequestMakeOneJob) {
  std::vector<std::thread> threads;
  std::vector<std::string> ids(4);
  for (size_t t = 0; t < ids.size(); ++t) {
    threads.emplace_back([this, t, &ids] {
      job::Job job = SampleJob("j-" + std::to_string(t), "n");
      job.request_id = "one request";
      ids[t] = store().Create(job)->id;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(Ids(true).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Stores, JobStoreContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
