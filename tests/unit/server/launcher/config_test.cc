// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hebb::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Config> Parse(const std::string& yaml, const std::string& kind = "slurm",
                             const ConfigDefaults& defaults = {"login:7070", "/bin/hebb-worker"}) {
  return ParseConfig(yaml, "launcher.yaml", kind, defaults);
}

std::string Refusal(const std::string& yaml, const std::string& kind = "slurm") {
  const auto config = Parse(yaml, kind);
  return config.ok() ? "taken" : std::string(config.status().message());
}

TEST(ConfigTest, ReadsAllOfSlurm) {
  const auto config = Parse(R"(
max_workers: 8
idle_after: 90s
attach_within: 2m
look_every: 1s
any_device: cuda
slurm:
  program: /opt/hebb-worker
  coordinator: node0:7171
  data_dir: /scratch/data
  work_dir: /tmp/w
  credentials: /scratch/c
  partition: cpu
  account: lab
  time: "4:00:00"
  constraint: zen4
  options: [--cpus-per-task=4, --mem=8G]
  cuda_options: [--gres=gpu:1]
)");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->plan.max_workers, 8);
  EXPECT_EQ(config->plan.any_device, "cuda");
  EXPECT_EQ(config->plan.idle_after, absl::Seconds(90));
  EXPECT_EQ(config->plan.attach_within, absl::Minutes(2));
  EXPECT_EQ(config->look_every, absl::Seconds(1));
  EXPECT_EQ(config->slurm.program, "/opt/hebb-worker");
  EXPECT_EQ(config->slurm.coordinator, "node0:7171");
  EXPECT_EQ(config->slurm.log_dir, "/scratch/data/log");
  EXPECT_EQ(config->slurm.defaults.time, "4:00:00");
  EXPECT_THAT(config->slurm.options, ElementsAre("--cpus-per-task=4", "--mem=8G"));
  EXPECT_THAT(config->slurm.cuda_options, ElementsAre("--gres=gpu:1"));
}

TEST(ConfigTest, WhatIsKnownNeedNotBeSaid) {
  const auto config = Parse("{max_workers: 2, slurm: {data_dir: /d}}");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->slurm.coordinator, "login:7070");
  EXPECT_EQ(config->slurm.program, "/bin/hebb-worker");
}

TEST(ConfigTest, KubernetesHasAStatefulSetForEachDevice) {
  const auto config =
      Parse("{max_workers: 2, kubernetes: {cuda: hebb-worker-gpu}}", "kubernetes", {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->kubernetes.sets.at("cpu"), "hebb-worker");
  EXPECT_EQ(config->kubernetes.sets.at("cuda"), "hebb-worker-gpu");
}

TEST(ConfigTest, EachMistakeHasItsPlaceAndRemedy) {
  EXPECT_EQ(Refusal("max_worker: 2\nslurm: {data_dir: /d}\n"),
            "launcher.yaml:1:1: unknown key max_worker; did you mean 'max_workers'?");
  EXPECT_THAT(Refusal("max_workers: many\n"),
              HasSubstr("launcher.yaml:1:14: max_workers is 'many'"));
  EXPECT_THAT(Refusal("{max_workers: 1, idle_after: soon, slurm: {data_dir: /d}}"),
              HasSubstr("idle_after is 'soon'; write a duration"));
  EXPECT_THAT(Refusal("{slurm: {data_dir: /d}}"), HasSubstr("max_workers is missing"));
  EXPECT_THAT(Refusal("{max_workers: 1}"), HasSubstr("slurm.data_dir is missing"));
  EXPECT_THAT(Refusal("{max_workers: 1, slurm: {data_dir: /d, options: --mem=1}}"),
              HasSubstr("options is no list"));
  EXPECT_THAT(Refusal("{max_workers: 1, any_device: gpu, slurm: {data_dir: /d}}"),
              HasSubstr("any_device is 'gpu'; write cpu or cuda"));
  EXPECT_THAT(Refusal("[1"), HasSubstr("launcher.yaml:"));
}

TEST(ConfigTest, WithoutAFixedPortTheAddressMustBeSaid) {
  const auto config =
      Parse("{max_workers: 2, slurm: {data_dir: /d}}", "slurm", {"", "/bin/hebb-worker"});
  EXPECT_THAT(std::string(config.status().message()), HasSubstr("slurm.coordinator is missing"));
}

}  // namespace
}  // namespace hebb::launcher
