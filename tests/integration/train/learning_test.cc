// SPDX-License-Identifier: Apache-2.0
// Proves that what is put together learns: updated random feedback on the generated images, far
// above chance, with feedback weights that turn towards the weights; and that a run that blows up
// says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/train/glyphs.h"
#include "worker/engine/engine.h"

namespace hebb::train {
namespace {

using ::testing::HasSubstr;

constexpr absl::string_view kJob = R"(
name: learning
seed: 1
dataset: {name: glyphs, validation: 200}
network:
  layers:
    - {name: conv1, conv: {filters: 8, kernel: 5}}
    - {name: pool1, max_pool: {size: 2, stride: 2}}
    - {name: dense1, dense: {units: 40}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  optimizer: {sgd: {learning_rate: 0.1}}
  batch_size: 50
  epochs: 10
)";

TEST(LearningTest, UpdatedRandomFeedbackLearnsGlyphs) {
  const SmallGlyphs dataset(2000, 200, 500);
  const Finished run = TrainToTheEnd(RealTrainers(ParseOrDie(kJob, {}), dataset), 2);
  EXPECT_GT(run.metrics.test_accuracy.value(), 0.6);  // chance: 0.1
  EXPECT_GT(run.metrics.validation_accuracy.value(), 0.6);
  EXPECT_LT(run.epochs.at(10).train_loss, 0.7 * run.epochs.at(1).train_loss);
  for (const auto& [layer, cosine] : run.epochs.at(10).alignment) {
    EXPECT_GT(cosine, 0.01) << layer;
  }
}

double AccuracyAt(const std::string& precision) {
  const SmallGlyphs dataset(2000, 200, 2000);
  double sum = 0;
  for (const char* seed : {"seed=1", "seed=2", "seed=3"}) {
    const spec::Job job = ParseOrDie(kJob, {seed, "learning.precision=" + precision});
    sum += TrainToTheEnd(RealTrainers(job, dataset), 2).metrics.test_accuracy.value();
  }
  return sum / 3;
}

TEST(LearningTest, Bf16LearnsAsFloat32Does) {
  if (!engine::CheckCpuPrecision(spec::Precision::kBf16).ok()) GTEST_SKIP() << "no avx512_bf16";
  const double bf16 = AccuracyAt("bf16"), float32 = AccuracyAt("float32");
  EXPECT_NE(bf16, float32);
  EXPECT_NEAR(bf16, float32, 0.02);
}

TEST(LearningTest, LearningRateThatIsTooLargeFailsAllRanksAlike) {
  const SmallGlyphs dataset(200, 0, 0);
  const spec::Job job = ParseOrDie(kJob, {"learning.optimizer.sgd.learning_rate=1e6",
                                          "learning.loss={squared: {}}", "dataset.validation=0"});
  const Members members = MakeMembers(RealTrainers(job, dataset), 2);
  Requests requests;
  for (const auto& end : RunGeneration(Pointers(members), requests)) {
    ASSERT_TRUE(absl::IsFailedPrecondition(end.status())) << end.status();
    EXPECT_THAT(std::string(end.status().message()), HasSubstr("not finite"));
  }
  EXPECT_EQ(members[0]->trainer->WeightsDigest(), members[1]->trainer->WeightsDigest());
}

}  // namespace
}  // namespace hebb::train
