// SPDX-License-Identifier: Apache-2.0
// --set changes the tree before it is read: paths, list items, unions, and its own errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/spec/parse.h"
#include "jobs.h"

namespace hebb::spec {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Job With(const std::vector<std::string>& sets) {
  absl::StatusOr<Job> job = ParseJob(kSmallJob, "small.yaml", sets);
  EXPECT_TRUE(job.ok()) << job.status();
  return job.ok() ? *job : Job{};
}

std::string RefusedWith(const std::vector<std::string>& sets) {
  const absl::StatusOr<Job> job = ParseJob(kSmallJob, "small.yaml", sets);
  EXPECT_FALSE(job.ok());
  return std::string(job.status().message());
}

TEST(SetsTest, ReplacesAndAddsValues) {
  EXPECT_EQ(With({"learning.batch_size=50"}).learning.batch_size, 50);
  EXPECT_EQ(With({"data_parallel.slices=4"}).data_parallel.slices, 4);
  EXPECT_EQ(With({"dataset.name=glyphs"}).dataset.name, "glyphs");
  EXPECT_EQ(With({"resources={workers: 3}"}).resources.workers, 3);
  EXPECT_EQ(With({"seed=1", "seed=2"}).seed, 2u);
  EXPECT_EQ(With({"name=a=b"}).name, "a=b");
}

TEST(SetsTest, NullIsTheDefault) {
  EXPECT_EQ(With({"seed=9", "seed=null"}).seed, Job().seed);
  EXPECT_EQ(With({"resources.workers=3", "resources=~"}).resources.workers, 1);
  EXPECT_EQ(With({"name=nullable"}).name, "nullable");
}

TEST(SetsTest, NamesLayersByNameAndNumber) {
  const Job by_name = With({"network.layers.conv1.conv.filters=16"});
  EXPECT_EQ(std::get<Conv>(by_name.network.layers[0].op).filters, 16);
  const Job by_number = With({"network.layers.0.conv.filters=17"});
  EXPECT_EQ(std::get<Conv>(by_number.network.layers[0].op).filters, 17);
}

TEST(SetsTest, UnionsSwitchTheirAlternative) {
  EXPECT_TRUE(
      std::holds_alternative<CrossEntropy>(With({"learning.loss.cross_entropy={}"}).learning.loss));
  EXPECT_TRUE(std::holds_alternative<Squared>(
      With({"learning.loss.hinge={}", "learning.loss.squared="}).learning.loss));
  const Job dropped = With({"network.layers.pool1.dropout.rate=0.5"});
  EXPECT_TRUE(std::holds_alternative<Dropout>(dropped.network.layers[1].op));
}

TEST(SetsTest, ErrorsShowTheSet) {
  EXPECT_THAT(RefusedWith({"seed=1", "learning.batch=5"}),
              StartsWith("--set learning.batch=5: unknown key 'batch' in learning; "));
  EXPECT_THAT(RefusedWith({"learning.batch_size=x"}),
              StartsWith("--set learning.batch_size=x: learning.batch_size is 'x'"));
  EXPECT_THAT(RefusedWith({"network.layers.pool1.max_pool.size=99"}),
              StartsWith("--set network.layers.pool1.max_pool.size=99: layer pool1: pool size 99"));
  EXPECT_THAT(RefusedWith({"learning.loss={hinge"}), HasSubstr("not valid YAML"));
}

TEST(SetsTest, BadPathsAreRefused) {
  EXPECT_THAT(RefusedWith({"seed"}), StartsWith("--set seed: not of the form key.path=value"));
  EXPECT_THAT(RefusedWith({"=5"}), HasSubstr("not of the form"));
  EXPECT_THAT(RefusedWith({"learning..rule=bp"}), HasSubstr("not of the form"));
  EXPECT_THAT(RefusedWith({"seed.x=5"}), HasSubstr("seed is '7', which has no 'x'"));
  EXPECT_THAT(RefusedWith({"network.layers.conv2.conv.filters=5"}),
              HasSubstr("network.layers has no item 'conv2'; it has 3, did you mean 'conv1'?"));
  EXPECT_THAT(RefusedWith({"network.layers.7.conv.filters=5"}), HasSubstr("no item '7'"));
}

}  // namespace
}  // namespace hebb::spec
