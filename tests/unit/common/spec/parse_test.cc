// SPDX-License-Identifier: Apache-2.0
// What a valid job file means: values, defaults, and what absent keys take from their neighbours.
#include "common/spec/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs.h"

namespace hebb::spec {
namespace {

using ::testing::ElementsAre;

Job Parsed(absl::string_view yaml, absl::string_view file = "small.yaml") {
  absl::StatusOr<Job> job = ParseJob(yaml, file, {});
  EXPECT_TRUE(job.ok()) << job.status();
  return job.ok() ? *job : Job{};
}

TEST(ParseTest, ReadsWhatTheFileSays) {
  const Job job = Parsed(kSmallJob);
  EXPECT_EQ(job.name, "small");
  EXPECT_EQ(job.seed, 7u);
  EXPECT_EQ(job.dataset.name, "mnist");
  EXPECT_EQ(job.dataset.validation, 5000);
  ASSERT_EQ(job.network.layers.size(), 3u);
  EXPECT_EQ(std::get<Conv>(job.network.layers[0].op).kernel, 5);
  EXPECT_EQ(std::get<Dense>(job.network.layers[2].op).activation, Activation::kNone);
  EXPECT_EQ(job.learning.optimizer.learning_rate, 0.05);
  EXPECT_EQ(job.learning.batch_size, 100);
  EXPECT_EQ(job.resources.workers, 2);
}

TEST(ParseTest, AbsentKeysKeepTheDefaultsOfTheStructs) {
  const Job job = Parsed(kSmallJob);
  EXPECT_EQ(job.kind, Kind::kTrain);
  EXPECT_TRUE(job.dataset.shuffle);
  EXPECT_EQ(job.dataset.normalize, Normalize::kUnit);
  EXPECT_EQ(std::get<Conv>(job.network.layers[0].op).activation, Activation::kRamp);
  EXPECT_EQ(std::get<Hinge>(job.learning.loss).off_class_weight, 1);
  EXPECT_FALSE(job.learning.optimizer.feedback_learning_rate.has_value());
  EXPECT_EQ(job.learning.propagate, Propagate::kBeforeUpdate);
  EXPECT_EQ(job.resources.min_workers, 1);
  EXPECT_EQ(job.data_parallel.slices, 8);
  EXPECT_EQ(job.checkpoint.every_steps, 500);
}

TEST(ParseTest, FillsInInputsStridesAndPlaces) {
  const Job job = Parsed(kSmallJob);
  EXPECT_THAT(job.network.layers[0].inputs, ElementsAre("input"));
  EXPECT_THAT(job.network.layers[1].inputs, ElementsAre("conv1"));
  EXPECT_EQ(std::get<MaxPool>(job.network.layers[1].op).stride, 2);
  EXPECT_EQ(job.network.layers[1].line, 7);
  EXPECT_EQ(job.network.layers[1].column, 7);
}

TEST(ParseTest, NameDefaultsToTheFiles) {
  const std::string unnamed = std::string(kSmallJob).substr(std::string("name: small\n").size());
  EXPECT_EQ(Parsed(unnamed, "jobs/my-net.yaml").name, "my-net");
}

TEST(ParseTest, NullMeansTheDefaultAndAnEmptyMap) {
  const Job job = Parsed(R"(
dataset: {name: mnist, path: ~}
network:
  layers:
    - {name: a, conv: {filters: 1, kernel: 3}}
    - name: s
      inputs: [a, input]
      add:
    - {name: out, dense: {units: 10, activation: none}}
learning:
  loss: {squared: }
)");
  EXPECT_TRUE(std::holds_alternative<Add>(job.network.layers[1].op));
  EXPECT_TRUE(std::holds_alternative<Squared>(job.learning.loss));
}

TEST(ParseTest, BinaryCrossEntropyTakesASigmoidOutput) {
  Parsed(R"(
dataset: {name: mnist}
network: {layers: [{name: out, dense: {units: 10, activation: sigmoid}}]}
learning: {loss: {binary_cross_entropy: {}}}
)");
}

TEST(ParseTest, AliasesRepeatWhatTheyName) {
  const Job job = Parsed(R"(
dataset: {name: mnist}
network:
  layers:
    - {name: a, conv: &c {filters: 3, kernel: 3}}
    - {name: b, conv: *c}
    - {name: out, dense: {units: 10, activation: none}}
)");
  EXPECT_EQ(std::get<Conv>(job.network.layers[1].op).filters, 3);
}

}  // namespace
}  // namespace hebb::spec
