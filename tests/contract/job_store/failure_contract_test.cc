// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of the record of a failure: it comes with the state FAILED or not at
// all, and it stays.
#include <gmock/gmock.h>

#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::SampleJob;
using hebb::testing::SampleTime;

class FailureContractTest : public JobStoreContractTest {
 protected:
  static job::Failure SampleFailure() {
    return {
        2, 1, "w-b", "node2", "cpu", 123, "step 124: the \"loss\"\nis NaN", {"info a", "", "b\n"}};
  }
  absl::Status Fail(const std::string& id, job::State state = job::State::kFailed) {
    return store()
        .Update(id,
                [state](job::Job& job) {
                  job.state = state;
                  job.ended = SampleTime(9);
                  job.failure = SampleFailure();
                  return absl::OkStatus();
                })
        .status();
  }
};

TEST_P(FailureContractTest, ComesBackWithTheJobButNotInLists) {
  job::Job job = SampleJob("j-a", "first");
  job.state = job::State::kRunning;
  Create(job);
  ASSERT_TRUE(Fail("j-a").ok());
  const auto stored = Look().Get("j-a");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->failure, SampleFailure());
  EXPECT_FALSE(Look().List({}, {})->jobs.at(0).failure.has_value());
}

TEST_P(FailureContractTest, StaysWhateverElseChanges) {
  job::Job job = SampleJob("j-a", "first");
  job.state = job::State::kRunning;
  Create(job);
  ASSERT_TRUE(Fail("j-a").ok());
  const auto archived = store().Update("j-a", [](job::Job& changed) {
    changed.archived = SampleTime(10);
    return absl::OkStatus();
  });
  ASSERT_TRUE(archived.ok()) << archived.status();
  EXPECT_EQ(archived->failure, SampleFailure());
  EXPECT_EQ(Look().Get("j-a")->failure, SampleFailure());
}

TEST_P(FailureContractTest, IsNotKeptOfAChangeThatIsRefused) {
  Create(SampleJob("j-a", "first"));  // QUEUED cannot become SUCCEEDED
  EXPECT_TRUE(absl::IsFailedPrecondition(Fail("j-a", job::State::kSucceeded)));
  EXPECT_FALSE(Look().Get("j-a")->failure.has_value());
}

TEST_P(FailureContractTest, AJobThatDidNotFailHasNone) {
  Create(SampleJob("j-a", "first"));
  EXPECT_FALSE(Look().Get("j-a")->failure.has_value());
}

INSTANTIATE_TEST_SUITE_P(Stores, FailureContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
