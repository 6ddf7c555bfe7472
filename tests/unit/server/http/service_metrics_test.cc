// SPDX-License-Identifier: Apache-2.0
// Calls are counted by method and code, and no client can make series of its own; what the control
// loop and the store tell is counted from 0.
#include "server/http/service_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace hebb::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ServiceMetricsTest, CountsByMethodAndCode) {
  ServiceMetrics metrics("/", {}, {});
  metrics.RpcEnded("/hebb.v1.Jobs/Submit", absl::StatusCode::kOk, absl::Milliseconds(5));
  metrics.RpcEnded("/hebb.v1.Jobs/Submit", absl::StatusCode::kOk, absl::Seconds(5));
  metrics.RpcEnded("/hebb.v1.Jobs/Submit", absl::StatusCode::kInvalidArgument, absl::Seconds(0));
  for (const char* path : {"/grpc.health.v1.Health/Check", "/made.up/Name"}) {
    metrics.RpcEnded(path, absl::StatusCode::kOk, absl::Seconds(0));
  }
  const std::string text = prometheus::TextSerializer().Serialize(metrics.Collect());
  for (const char* line :
       {"hebb_rpc_requests_total{code=\"OK\",method=\"Jobs/Submit\"} 2",
        "hebb_rpc_requests_total{code=\"INVALID_ARGUMENT\",method=\"Jobs/Submit\"} 1",
        "hebb_rpc_requests_total{code=\"OK\",method=\"other\"} 2",
        "hebb_rpc_duration_seconds_count{method=\"Jobs/Submit\"} 3",
        "hebb_rpc_duration_seconds_bucket{method=\"Jobs/Submit\",le=\"1\"} 2"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("made.up")));
}

TEST(ServiceMetricsTest, CountsWhatTheLoopAndTheStoreTell) {
  ServiceMetrics metrics("/", {"started", "no_workers"}, {"succeeded", "lost"});
  const auto text = [&] { return prometheus::TextSerializer().Serialize(metrics.Collect()); };
  for (const char* line : {"hebb_scheduler_decisions_total{decision=\"started\"} 0",
                           "hebb_attempts_ended_total{outcome=\"lost\"} 0",
                           "hebb_lost_steps_total 0", "hebb_job_queue_wait_seconds_count 0",
                           "hebb_store_duration_seconds_count{operation=\"read\"} 0"}) {
    EXPECT_THAT(text(), HasSubstr(line));
  }
  metrics.Decided("started");
  metrics.AttemptEnded("lost");
  metrics.StepsLost(7);
  metrics.QueueWaited(absl::Seconds(5));
  metrics.StoreTook("write", absl::Milliseconds(2));
  for (const char* line :
       {"hebb_scheduler_decisions_total{decision=\"started\"} 1",
        "hebb_attempts_ended_total{outcome=\"lost\"} 1", "hebb_lost_steps_total 7",
        "hebb_job_queue_wait_seconds_bucket{le=\"10\"} 1", "hebb_job_queue_wait_seconds_sum 5",
        "hebb_store_duration_seconds_bucket{operation=\"write\",le=\"0.003\"} 1",
        "hebb_store_duration_seconds_count{operation=\"read\"} 0"}) {
    EXPECT_THAT(text(), HasSubstr(line));
  }
}

}  // namespace
}  // namespace hebb::http
