// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of sweeps and of updates of many jobs.
#include <set>
#include <thread>
#include <vector>

#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::SampleJob;
using hebb::testing::SampleSweep;
using hebb::testing::Text;

class SweepContractTest : public JobStoreContractTest {
 protected:
  std::vector<std::string> JobsOf(const std::string& sweep) {
    std::vector<std::string> ids;
    const auto jobs = Look().SweepJobs(sweep);
    EXPECT_TRUE(jobs.ok()) << jobs.status();
    for (const job::Job& job : *jobs) ids.push_back(job.id);
    return ids;
  }
  absl::Status CreateSweep(const std::string& id, const std::vector<std::string>& jobs) {
    const auto [sweep, of_sweep] = SampleSweep(id, jobs);
    return store().CreateSweep(sweep, of_sweep).status();
  }
};

TEST_P(SweepContractTest, GivesBackEveryFieldAndTheJobsInTheirOrder) {
  const auto [sweep, jobs] = SampleSweep("s-a", {"j-c", "j-a", "j-b"});
  const auto created = store().CreateSweep(sweep, jobs);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(Text(*created), Text(sweep));
  EXPECT_EQ(Text(*Look().GetSweep("s-a")), Text(sweep));
  EXPECT_EQ(JobsOf("s-a"), (std::vector<std::string>{"j-c", "j-a", "j-b"}));
  EXPECT_EQ(Text(*Look().Get("j-c")), Text(jobs[0]));
  EXPECT_EQ(Ids(false).size(), 3u) << "they are ordinary jobs";
}

TEST_P(SweepContractTest, ARepeatedRequestMakesNoSecondSweepAndNoJobs) {
  ASSERT_TRUE(CreateSweep("s-a", {"j-a"}).ok());
  auto [repeat, jobs] = SampleSweep("s-b", {"j-b"});
  repeat.request_id = "request-s-a";
  EXPECT_EQ(Look().CreateSweep(repeat, jobs)->id, "s-a");
  EXPECT_EQ(Look().ListSweeps()->size(), 1u);
  EXPECT_EQ(Ids(true), std::vector<std::string>{"j-a"});
}

TEST_P(SweepContractTest, SweepsWithoutRequestIdAreNeverTheSame) {
  for (const char* id : {"s-a", "s-b"}) {
    auto [sweep, jobs] = SampleSweep(id, {});
    sweep.request_id.clear();
    EXPECT_TRUE(store().CreateSweep(sweep, jobs).ok());
  }
  EXPECT_EQ(Look().ListSweeps()->size(), 2u);
}

TEST_P(SweepContractTest, ATakenIdLeavesNothingWritten) {
  Create(SampleJob("j-b", "other"));
  EXPECT_TRUE(absl::IsAlreadyExists(CreateSweep("s-a", {"j-a", "j-b"})));
  EXPECT_TRUE(absl::IsAlreadyExists(CreateSweep("s-a", {"j-a", "j-a"})));
  EXPECT_EQ(Ids(true), std::vector<std::string>{"j-b"});
  EXPECT_TRUE(Look().ListSweeps()->empty());
  ASSERT_TRUE(CreateSweep("s-a", {"j-a"}).ok());
  auto [again, jobs] = SampleSweep("s-a", {"j-c"});
  again.request_id = "another";
  EXPECT_TRUE(absl::IsAlreadyExists(store().CreateSweep(again, jobs).status()));
}

TEST_P(SweepContractTest, JobsThatAreNotTheSweepsAreRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(CreateSweep("", {})));
  auto [sweep, jobs] = SampleSweep("s-a", {"j-a"});
  jobs[0].sweep = "s-b";
  EXPECT_TRUE(absl::IsInvalidArgument(store().CreateSweep(sweep, jobs).status()));
  jobs[0].sweep = "s-a";
  jobs[0].request_id = "own";
  EXPECT_TRUE(absl::IsInvalidArgument(store().CreateSweep(sweep, jobs).status()));
  EXPECT_TRUE(Ids(true).empty());
}

TEST_P(SweepContractTest, FindsByIdUniquePrefixAndUniqueName) {
  ASSERT_TRUE(CreateSweep("s-aa", {}).ok());
  ASSERT_TRUE(CreateSweep("s-ab", {}).ok());
  EXPECT_EQ(Look().GetSweep("s-aa")->id, "s-aa");
  EXPECT_EQ(Look().GetSweep("s-ab")->id, "s-ab");
  EXPECT_EQ(Look().GetSweep("sweep of s-ab")->id, "s-ab");
  EXPECT_TRUE(absl::IsInvalidArgument(Look().GetSweep("s-a").status()));
  EXPECT_TRUE(absl::IsNotFound(Look().GetSweep("s-x").status()));
  EXPECT_TRUE(absl::IsNotFound(Look().GetSweep("").status()));
  EXPECT_TRUE(absl::IsNotFound(Look().SweepJobs("s-x").status()));
}

TEST_P(SweepContractTest, ListsNewestFirstWithTheStatesOfTheJobs) {
  ASSERT_TRUE(CreateSweep("s-b", {"j-a", "j-b", "j-c"}).ok());
  ASSERT_TRUE(CreateSweep("s-a", {}).ok());
  ASSERT_TRUE(Move("j-b", job::State::kStarting).ok());
  const auto sweeps = Look().ListSweeps();
  ASSERT_TRUE(sweeps.ok()) << sweeps.status();
  ASSERT_EQ(sweeps->size(), 2u);
  EXPECT_EQ((*sweeps)[0].sweep.id, "s-a");
  EXPECT_TRUE((*sweeps)[0].count.empty());
  EXPECT_EQ(Text((*sweeps)[1].sweep), Text(SampleSweep("s-b", {}).first));
  EXPECT_EQ((*sweeps)[1].count,
            (job::StateCounts{{job::State::kQueued, 2}, {job::State::kStarting, 1}}));
}

TEST_P(SweepContractTest, UpdateAllChangesAllOrNone) {
  for (const char* id : {"j-a", "j-b"}) Create(SampleJob(id, id));
  const auto rename = [](job::Job& job) {
    job.reason = "of " + job.id;
    job.news.push_back({hebb::testing::SampleTime(1), job.reason, "ann", "cancel"});
    return absl::OkStatus();
  };
  const auto written = store().UpdateAll({"j-b", "j-a"}, rename);
  ASSERT_TRUE(written.ok()) << written.status();
  EXPECT_EQ((*written)[0].reason, "of j-b");
  EXPECT_EQ(Look().Get("j-a")->reason, "of j-a");
  ASSERT_EQ(Look().Events("j-a")->size(), 1U);
  EXPECT_EQ(Look().Events("j-a")->front().text, "of j-a");

  const auto refuse_b = [](job::Job& job) {
    job.reason = "new";
    if (job.id == "j-b") job.state = job::State::kSucceeded;
    return absl::OkStatus();
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(store().UpdateAll({"j-a", "j-b"}, refuse_b).status()));
  EXPECT_TRUE(absl::IsNotFound(store().UpdateAll({"j-a", "j-x"}, rename).status()));
  EXPECT_EQ(Look().Get("j-a")->reason, "of j-a");
  EXPECT_TRUE(store().UpdateAll({}, rename)->empty());
}

TEST_P(SweepContractTest, ConcurrentRepeatsOfOneRequestMakeOneSweep) {
  std::vector<std::thread> threads;
  std::vector<std::string> ids(4);
  for (size_t t = 0; t < ids.size(); ++t) {
    threads.emplace_back([this, t, &ids] {
      auto [sweep, jobs] = SampleSweep("s-" + std::to_string(t), {"j-" + std::to_string(t)});
      sweep.request_id = "one request";
      ids[t] = store().CreateSweep(sweep, jobs)->id;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(Ids(true).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Stores, SweepContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
