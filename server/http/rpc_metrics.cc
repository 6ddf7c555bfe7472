// SPDX-License-Identifier: Apache-2.0
#include "server/http/rpc_metrics.h"

#include <string>

#include "absl/strings/strip.h"

namespace hebb::http {
namespace {

// Seconds. A unary call is a write of the store at most; a stream may be open for hours.
const prometheus::Histogram::BucketBoundaries kBuckets = {0.001, 0.01, 0.1, 1, 10, 60, 600, 3600};

}  // namespace

RpcMetrics::RpcMetrics(prometheus::Registry& registry)
    : requests_(prometheus::BuildCounter()
                    .Name("hebb_rpc_requests_total")
                    .Help("gRPC calls that ended, by method and status code.")
                    .Register(registry)),
      durations_(prometheus::BuildHistogram()
                     .Name("hebb_rpc_duration_seconds")
                     .Help("Duration of gRPC calls; of a stream, how long it was open.")
                     .Register(registry)) {}

void RpcMetrics::Observe(absl::string_view method, absl::StatusCode code, absl::Duration duration) {
  const bool ours = absl::ConsumePrefix(&method, "/hebb.v1.");
  const std::string name(ours ? method : "other");
  requests_.Add({{"method", name}, {"code", absl::StatusCodeToString(code)}}).Increment();
  durations_.Add({{"method", name}}, kBuckets).Observe(absl::ToDoubleSeconds(duration));
}

}  // namespace hebb::http
