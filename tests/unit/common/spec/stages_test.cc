// SPDX-License-Identifier: Apache-2.0
// The stages of a job, its steps, and how its rates change with the epochs.
#include "common/spec/stages.h"

#include <gtest/gtest.h>

#include "common/spec/parse.h"
#include "jobs.h"

namespace hebb::spec {
namespace {

Job Staged() {
  const absl::StatusOr<Job> job = ParseJob(
      kSmallJob, "small.yaml",
      {"learning.second_stage={epochs: 3, batch_size: 50, learning_rate: 0.01, untie: [conv1], "
       "redraw: [out], freeze: [conv1]}"});
  EXPECT_TRUE(job.ok()) << job.status();
  return job.ok() ? *job : Job{};
}

TEST(StagesTest, AJobWithoutASecondStageIsItsOnlyOne) {
  const absl::StatusOr<Job> job = ParseJob(kSmallJob, "small.yaml", {});
  ASSERT_TRUE(job.ok());
  ASSERT_EQ(StagesOf(*job).size(), 1u);
  EXPECT_EQ(JobToJson(StagesOf(*job)[0]), JobToJson(*job));
  EXPECT_EQ(TotalEpochs(*job), job->learning.epochs);
}

TEST(StagesTest, TheSecondStageChangesWhatItNames) {
  const Job job = Staged();
  const std::vector<Job> stages = StagesOf(job);
  ASSERT_EQ(stages.size(), 2u);
  EXPECT_EQ(JobToJson(stages[0]), JobToJson(job));
  EXPECT_EQ(stages[1].learning.epochs, 3);
  EXPECT_EQ(stages[1].learning.batch_size, 50);
  EXPECT_EQ(stages[1].learning.optimizer.learning_rate, 0.01);
  EXPECT_TRUE(std::get<Conv>(stages[1].network.layers[0].op).untied);
  EXPECT_TRUE(stages[1].network.layers[0].frozen);
  EXPECT_FALSE(stages[1].network.layers[2].frozen);
  EXPECT_EQ(TotalEpochs(job), job.learning.epochs + 3);
}

TEST(StagesTest, ShortBatchesCountUnlessTheyAreDropped) {
  Job job = Staged();
  job.learning.batch_size = 20;
  EXPECT_EQ(StepsPerEpoch(job, 60), 3);
  EXPECT_EQ(StepsPerEpoch(job, 61), 4);
  job.learning.drop_last = true;
  EXPECT_EQ(StepsPerEpoch(job, 61), 3);
  EXPECT_EQ(StepsPerEpoch(job, 19), 0);
}

TEST(RateFactorTest, StepsFallAtTheirEpochsAndCosinesAllTheWay) {
  EXPECT_EQ(RateFactor(ConstantRate{}, 7, 10), 1);
  const Schedule step = StepRate{{2, 5}, 0.1};
  EXPECT_EQ(RateFactor(step, 1, 10), 1);
  EXPECT_DOUBLE_EQ(RateFactor(step, 2, 10), 0.1);
  EXPECT_DOUBLE_EQ(RateFactor(step, 4, 10), 0.1);
  EXPECT_DOUBLE_EQ(RateFactor(step, 5, 10), 0.01);
  EXPECT_DOUBLE_EQ(RateFactor(CosineRate{}, 0, 10), 1);
  EXPECT_DOUBLE_EQ(RateFactor(CosineRate{}, 5, 10), 0.5);
  EXPECT_NEAR(RateFactor(CosineRate{}, 9, 10), 0.024471741852423234, 1e-15);
}

}  // namespace
}  // namespace hebb::spec
