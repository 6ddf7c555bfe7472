// SPDX-License-Identifier: Apache-2.0
// Every example survives Job -> JSON -> hebb.v1.JobSpec -> JSON -> Job unchanged: the wire message
// has every key of the job file under its name.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "common/files.h"
#include "common/spec/parse.h"
#include "hebb/v1/spec.pb.h"
#include "jobs.h"

namespace hebb::spec {
namespace {

Job ThroughProtobuf(const Job& job) {
  hebb::v1::JobSpec message;
  const auto read = google::protobuf::util::JsonStringToMessage(JobToJson(job), &message);
  EXPECT_TRUE(read.ok()) << read.ToString();
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
  const absl::StatusOr<Job> back = JobFromJson(json);
  EXPECT_TRUE(back.ok()) << back.status() << "\n" << json;
  return back.ok() ? *back : Job{};
}

TEST(WireTest, EveryExampleSurvivesTheRoundTrip) {
  ASSERT_FALSE(ExampleFiles().empty());
  for (const std::string& file : ExampleFiles()) {
    const absl::StatusOr<Job> job = ParseJob(*ReadFile(file), file, {});
    ASSERT_TRUE(job.ok()) << job.status();
    EXPECT_EQ(JobToJson(ThroughProtobuf(*job)), JobToJson(*job)) << file;
  }
}

TEST(WireTest, ExtremesSurviveTheRoundTrip) {
  absl::StatusOr<Job> job = ParseJob(kSmallJob, "small.yaml", {"learning.loss.cross_entropy={}"});
  ASSERT_TRUE(job.ok());
  job->seed = UINT64_MAX;
  job->kind = Kind::kEvaluate;
  job->dataset.shuffle = false;
  job->learning.optimizer = {1.0 / 3, 0.0};
  job->resources.priority = -5;
  job->resources.max_runtime = 1e-3;
  job->resources.gpu_memory = "80GiB";
  EXPECT_EQ(JobToJson(ThroughProtobuf(*job)), JobToJson(*job));
}

}  // namespace
}  // namespace hebb::spec
