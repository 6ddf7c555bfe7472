// SPDX-License-Identifier: Apache-2.0
// Job to JSON and back without a loss, and the digest: it sees what decides the weights only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "common/spec/parse.h"
#include "jobs.h"

namespace hebb::spec {
namespace {

using ::testing::HasSubstr;

Job Small(const std::vector<std::string>& sets = {}) {
  absl::StatusOr<Job> job = ParseJob(kSmallJob, "small.yaml", sets);
  EXPECT_TRUE(job.ok()) << job.status();
  return job.ok() ? *job : Job{};
}

TEST(JsonTest, RoundTripKeepsEveryField) {
  Job job = Small();
  job.name = "tab\t\"quote\" back\\slash \x7F \xC3\xA9";
  job.kind = Kind::kEvaluate;
  job.seed = UINT64_MAX;
  job.dataset.shuffle = false;
  job.dataset.normalize = Normalize::kSigned;
  job.dataset.path = "/x";
  job.learning.loss = Hinge{0.1};
  job.learning.rule = Rule::kFrfb;
  job.learning.optimizer = {1.0 / 3, 0.07};
  job.learning.propagate = Propagate::kAfterUpdate;
  job.init = {"w.safetensors", std::string(64, 'a')};
  job.resources = {5, 2, Device::kCuda, -3, 1.5};
  job.checkpoint = {7, 9};
  const std::string json = JobToJson(job);
  const absl::StatusOr<Job> back = JobFromJson(json);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(JobToJson(*back), json);
  EXPECT_EQ(back->seed, UINT64_MAX);
  EXPECT_EQ(back->learning.optimizer.learning_rate, 1.0 / 3);
  EXPECT_EQ(back->learning.optimizer.feedback_learning_rate, 0.07);
  EXPECT_EQ(back->name, job.name);
}

TEST(JsonTest, EveryDefaultIsWrittenOut) {
  const std::string json = JobToJson(Small());
  EXPECT_THAT(json, HasSubstr(R"("loss":{"hinge":{"off_class_weight":1}})"));
  EXPECT_THAT(json, HasSubstr(R"("data_parallel":{"slices":8})"));
  EXPECT_THAT(json, HasSubstr(R"("max_pool":{"size":2,"stride":2,"ties":"all",)"));
}

TEST(JsonTest, NumbersMayBeStrings) {
  const absl::StatusOr<Job> job =
      JobFromJson(R"({"seed":"18446744073709551615","dataset":{"name":"mnist","validation":"10"},)"
                  R"("network":{"layers":[{"name":"out","inputs":[],"dense":{"units":"10"}}]}})");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->seed, UINT64_MAX);
  EXPECT_EQ(job->dataset.validation, 10);
  EXPECT_EQ(std::get<Dense>(job->network.layers[0].op).units, 10);
}

TEST(JsonTest, BadJsonIsRefused) {
  EXPECT_EQ(JobFromJson("{").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JobFromJson("[]").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(JobFromJson(std::string(5000, '[')).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(JobFromJson(R"({"nmae":"x"})").status().message()),
              HasSubstr("unknown key 'nmae'"));
}

TEST(SpecDigestTest, IgnoresWhatDoesNotDecideTheWeights) {
  const std::string digest = SpecDigest(Small());
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(SpecDigest(Small({"name=other", "resources.workers=4", "resources.device=cuda",
                              "resources.gpu_memory=8GiB", "resources.slurm.partition=short",
                              "checkpoint.keep=1"})),
            digest);
  EXPECT_EQ(SpecDigest(Small({"network.layers.pool1.max_pool.stride=2",
                              "network.layers.pool1.inputs=[conv1]",
                              "learning.loss.hinge.off_class_weight=1.0"})),
            digest);
}

TEST(SpecDigestTest, SeesWhatDecidesTheWeights) {
  const std::string digest = SpecDigest(Small());
  for (const char* set :
       {"seed=8", "dataset.name=fashion_mnist", "dataset.shuffle=false", "learning.rule=bp",
        "network.layers.conv1.conv.filters=9", "network.layers.conv1.name=c",
        "learning.loss.squared={}", "data_parallel.slices=4", "learning.epochs=11",
        "learning.precision=bf16", "learning.optimizer.sgd.feedback_learning_rate=0.05",
        "dataset.validation=4999"}) {
    EXPECT_NE(SpecDigest(Small({set})), digest) << set;
  }
}

TEST(SpecDigestTest, AVerificationHasTheDigestOfWhatItVerifies) {
  Job job = Small();
  const std::string digest = SpecDigest(job);
  job.kind = Kind::kVerify;
  job.verification = {"j-1", 3, 8};
  job.digests.every_steps = 7;
  EXPECT_EQ(SpecDigest(job), digest);
}

TEST(SpecDigestTest, InitCountsByContentNotByPlace) {
  Job a = Small(), b = Small();
  a.init = {"here", std::string(64, '1')};
  b.init = {"there", std::string(64, '1')};
  EXPECT_EQ(SpecDigest(a), SpecDigest(b));
  b.init.sha256 = std::string(64, '2');
  EXPECT_NE(SpecDigest(a), SpecDigest(b));
}

}  // namespace
}  // namespace hebb::spec
