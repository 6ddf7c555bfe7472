// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of old jobs: which may go to the archive, whose files may go, and
// that no file goes that somebody needs. And of what is kept beside jobs: where their results came
// from, and what users have used.
#include <gmock/gmock.h>

#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::SampleJob;
using hebb::testing::SampleTime;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RetentionContractTest : public JobStoreContractTest {
 protected:
  void CreateEnded(const std::string& id, int64_t ended,
                   job::State state = job::State::kSucceeded) {
    job::Job job = SampleJob(id, id);
    job.state = state;
    job.ended = SampleTime(ended);
    Create(job);
  }
  void Archive(const std::string& id, int64_t time) {
    Change(id, [time](job::Job& job) { job.archived = SampleTime(time); });
  }
  void Change(const std::string& id, const std::function<void(job::Job&)>& change) {
    const auto written = store().Update(id, [&change](job::Job& job) {
      change(job);
      return absl::OkStatus();
    });
    ASSERT_TRUE(written.ok()) << written.status();
  }
  void Put(const std::string& id, const std::string& sha256, int64_t step) {
    ASSERT_TRUE(store().PutCheckpoint(id, {sha256, 10, step, "w", SampleTime(1)}, 9).ok());
  }
};

TEST_P(RetentionContractTest, EndedJobsComeOldestFirstUntilTheyAreArchived) {
  CreateEnded("j-late", 30);
  CreateEnded("j-early", 10, job::State::kFailed);
  CreateEnded("j-middle", 20, job::State::kCancelled);
  Create(SampleJob("j-living", "living"));
  EXPECT_THAT(*Look().EndedBefore(SampleTime(30), 9), ElementsAre("j-early", "j-middle"));
  EXPECT_THAT(*Look().EndedBefore(SampleTime(99), 2), ElementsAre("j-early", "j-middle"));
  Archive("j-early", 40);
  EXPECT_THAT(*Look().EndedBefore(SampleTime(99), 9), ElementsAre("j-middle", "j-late"));
}

TEST_P(RetentionContractTest, AJobTakenBackFromTheArchiveStartsAnew) {
  CreateEnded("j-a", 10);
  Archive("j-a", 20);
  Change("j-a", [](job::Job& job) {
    job.archived = absl::InfiniteFuture();
    job.listed = SampleTime(50);
  });
  EXPECT_EQ(Look().Get("j-a")->listed, SampleTime(50));
  EXPECT_THAT(*Look().EndedBefore(SampleTime(50), 9), IsEmpty());
  EXPECT_THAT(*Look().EndedBefore(SampleTime(51), 9), ElementsAre("j-a"));
}

TEST_P(RetentionContractTest, ArchivedJobsComeOldestFirstUntilTheirFilesAreRemoved) {
  CreateEnded("j-a", 1);
  CreateEnded("j-b", 2);
  EXPECT_THAT(*Look().ArchivedBefore(SampleTime(99), 9), IsEmpty());
  Archive("j-b", 10);
  Archive("j-a", 20);
  EXPECT_THAT(*Look().ArchivedBefore(SampleTime(20), 9), ElementsAre("j-b"));
  EXPECT_THAT(*Look().ArchivedBefore(SampleTime(99), 1), ElementsAre("j-b"));
  Change("j-b", [](job::Job& job) { job.files_removed = SampleTime(30); });
  EXPECT_THAT(*Look().ArchivedBefore(SampleTime(99), 9), ElementsAre("j-a"));
}

TEST_P(RetentionContractTest, DropsOnlyFilesThatNothingElseNames) {
  CreateEnded("j-a", 1);
  Create(SampleJob("j-b", "b"));
  Put("j-a", "own", 1);
  Put("j-a", "shared", 2);
  Put("j-b", "shared", 7);
  Archive("j-a", 2);
  const auto dropped = store().DropCheckpoints("j-a");
  ASSERT_TRUE(dropped.ok()) << dropped.status();
  ASSERT_EQ(dropped->size(), 1u);
  EXPECT_EQ(dropped->front().sha256, "own");
  EXPECT_THAT(*Look().Checkpoints("j-a"), IsEmpty());
  EXPECT_EQ(Look().Checkpoints("j-b")->size(), 1u);
  EXPECT_TRUE(*Look().IsCheckpoint("shared"));
  EXPECT_THAT(*store().DropCheckpoints("j-a"), IsEmpty()) << "again, as after a crash in between";
}

TEST_P(RetentionContractTest, DropsNothingOfAJobThatLivesOrIsListed) {
  Create(SampleJob("j-lives", "lives"));
  CreateEnded("j-listed", 1);
  Put("j-lives", "a", 1);
  Put("j-listed", "b", 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(store().DropCheckpoints("j-lives").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store().DropCheckpoints("j-listed").status()));
  EXPECT_TRUE(absl::IsNotFound(store().DropCheckpoints("j-none").status()));
  EXPECT_EQ(Look().Checkpoints("j-lives")->size(), 1u);
  EXPECT_EQ(Look().Checkpoints("j-listed")->size(), 1u);
}

TEST_P(RetentionContractTest, ProvenanceGathersWhatTookPart) {
  Create(SampleJob("j-a", "a"));
  EXPECT_THAT(Look().ReadProvenance("j-a")->software, IsEmpty());
  const job::Software first = {"0.1+a", "avx512", "EPYC", {{"oneDNN", "2.6"}, {"BLAS", "0.3"}}};
  const job::Software second = {"0.1+a", "avx2", "Xeon \"2\"\n", {}};
  ASSERT_TRUE(store().AddProvenance("j-a", {"0.1+a", {{"b", "22"}, {"a", "11"}}, {first}}).ok());
  ASSERT_TRUE(store().AddProvenance("j-a", {"", {{"b", "33"}}, {second, first}}).ok());
  const auto known = Look().ReadProvenance("j-a");
  ASSERT_TRUE(known.ok()) << known.status();
  EXPECT_EQ(known->coordinator_build, "0.1+a");
  EXPECT_THAT(known->data, ElementsAre(job::DataDigest{"a", "11"}, job::DataDigest{"b", "33"}));
  EXPECT_THAT(known->software, ElementsAre(first, second));
  EXPECT_TRUE(absl::IsNotFound(store().AddProvenance("j-none", {})));
  EXPECT_TRUE(absl::IsNotFound(Look().ReadProvenance("j-none").status()));
}

TEST_P(RetentionContractTest, UsageIsReplacedAsAWhole) {
  EXPECT_THAT(Look().ReadUsage()->worker_seconds, IsEmpty());
  ASSERT_TRUE(store().PutUsage({SampleTime(1), {{"ada", 2.5}, {"bob", 1}}}).ok());
  ASSERT_TRUE(store().PutUsage({SampleTime(2), {{"ada", 4}}}).ok());
  const auto usage = Look().ReadUsage();
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_EQ(usage->charged, SampleTime(2));
  EXPECT_THAT(usage->worker_seconds, ElementsAre(::testing::Pair("ada", 4)));
}

INSTANTIATE_TEST_SUITE_P(Stores, RetentionContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
