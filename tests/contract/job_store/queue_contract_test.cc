// SPDX-License-Identifier: Apache-2.0
// What every JobStore promises of the jobs of a user that may wait at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/contract/job_store/job_store_contract.h"
#include "tests/testing/sample_jobs.h"

namespace hebb::store {
namespace {

using hebb::testing::SampleJob;
using hebb::testing::SampleSweep;

class QueueContractTest : public JobStoreContractTest {};

TEST_P(QueueContractTest, RefusesAJobWhileAsManyOfItsUserWaitAsMay) {
  const auto create = [&](const std::string& id, const std::string& user) {
    job::Job job = SampleJob(id, "n");
    job.user = user;
    return Look().Create(job, 2).status();
  };
  ASSERT_TRUE(create("j-a", "ann").ok());
  ASSERT_TRUE(create("j-b", "ann").ok());
  EXPECT_TRUE(create("j-c", "bob").ok()) << "others have room of their own";
  const absl::Status refused = create("j-d", "ann");
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(refused.message(), ::testing::HasSubstr("of user ann wait: 2 do, 1 would come"));
  EXPECT_TRUE(absl::IsNotFound(Look().Get("j-d").status()));
  EXPECT_TRUE(create("j-a", "ann").ok()) << "a repeated request is answered";
  ASSERT_TRUE(Move("j-a", job::State::kStarting).ok());
  EXPECT_TRUE(create("j-d", "ann").ok());
}

TEST_P(QueueContractTest, ASweepIsRefusedWholeWhenItsUserHasNoRoomForAllOfIt) {
  Create(SampleJob("j-a", "n"));
  const auto [sweep, jobs] = SampleSweep("s-b", {"j-b", "j-c"});
  const absl::Status refused = Look().CreateSweep(sweep, jobs, 2).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_TRUE(Look().ListSweeps()->empty());
  EXPECT_EQ(Ids(true), std::vector<std::string>{"j-a"});
  EXPECT_TRUE(Look().CreateSweep(sweep, jobs, 3).ok());
}

INSTANTIATE_TEST_SUITE_P(Stores, QueueContractTest,
                         ::testing::Values(Kind::kMemory, Kind::kSqlite, Kind::kSqliteReopened),
                         KindName);

}  // namespace
}  // namespace hebb::store
