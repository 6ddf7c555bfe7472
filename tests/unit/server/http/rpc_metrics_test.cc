// SPDX-License-Identifier: Apache-2.0
// Calls are counted by method and code, and no client can make series of its own.
#include "server/http/rpc_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

namespace hebb::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RpcMetricsTest, CountsByMethodAndCode) {
  prometheus::Registry registry;
  RpcMetrics metrics(registry);
  metrics.Observe("/hebb.v1.Jobs/Submit", absl::StatusCode::kOk, absl::Milliseconds(5));
  metrics.Observe("/hebb.v1.Jobs/Submit", absl::StatusCode::kOk, absl::Seconds(5));
  metrics.Observe("/hebb.v1.Jobs/Submit", absl::StatusCode::kInvalidArgument, absl::Seconds(0));
  for (const char* path : {"/grpc.health.v1.Health/Check", "/made.up/Name"}) {
    metrics.Observe(path, absl::StatusCode::kOk, absl::Seconds(0));
  }
  const std::string text = prometheus::TextSerializer().Serialize(registry.Collect());
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

}  // namespace
}  // namespace hebb::http
