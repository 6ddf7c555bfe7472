// SPDX-License-Identifier: Apache-2.0
#include "server/http/service_metrics.h"

#include "absl/strings/strip.h"
#include "common/metrics/counted.h"
#include "common/metrics/families.h"

namespace hebb::http {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// Seconds. A unary call is a write of the store at most; a stream may be open for hours.
const Buckets kRpcBuckets = {0.001, 0.01, 0.1, 1, 10, 60, 600, 3600};
// From a write on a fast disk to one that waits for a long queue.
const Buckets kStoreBuckets = {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};
// From an idle cluster to one that is full for days.
const Buckets kWaitBuckets = {0.1, 1, 10, 60, 300, 1800, 3600, 14400, 86400};

}  // namespace

ServiceMetrics::ServiceMetrics(const std::string& folder, const std::vector<std::string>& decisions,
                               const std::vector<std::string>& outcomes)
    : process_(folder),
      rpc_requests_(metrics::CounterFamily(registry_, "hebb_rpc_requests_total")),
      rpc_durations_(metrics::HistogramFamily(registry_, "hebb_rpc_duration_seconds")),
      decisions_(metrics::CounterFamily(registry_, "hebb_scheduler_decisions_total")),
      outcomes_(metrics::CounterFamily(registry_, "hebb_attempts_ended_total")),
      lost_steps_(metrics::MakeCounter(registry_, "hebb_lost_steps_total")),
      queue_wait_(metrics::MakeHistogram(registry_, "hebb_job_queue_wait_seconds", kWaitBuckets)),
      store_reads_(metrics::HistogramFamily(registry_, "hebb_store_duration_seconds")
                       .Add({{"operation", "read"}}, kStoreBuckets)),
      store_writes_(metrics::HistogramFamily(registry_, "hebb_store_duration_seconds")
                        .Add({{"operation", "write"}}, kStoreBuckets)) {
  for (const std::string& decision : decisions) decisions_.Add({{"decision", decision}});
  for (const std::string& outcome : outcomes) outcomes_.Add({{"outcome", outcome}});
}

void ServiceMetrics::RpcEnded(absl::string_view method, absl::StatusCode code,
                              absl::Duration duration) {
  const bool ours = absl::ConsumePrefix(&method, "/hebb.v1.");
  const std::string name(ours ? method : "other");
  rpc_requests_.Add({{"method", name}, {"code", absl::StatusCodeToString(code)}}).Increment();
  rpc_durations_.Add({{"method", name}}, kRpcBuckets).Observe(absl::ToDoubleSeconds(duration));
}

void ServiceMetrics::QueueWaited(absl::Duration wait) {
  queue_wait_.Observe(absl::ToDoubleSeconds(wait));
}

void ServiceMetrics::Decided(absl::string_view decision) {
  decisions_.Add({{"decision", std::string(decision)}}).Increment();
}

void ServiceMetrics::StepsLost(int64_t steps) { lost_steps_.Increment(static_cast<double>(steps)); }

void ServiceMetrics::AttemptEnded(absl::string_view outcome) {
  outcomes_.Add({{"outcome", std::string(outcome)}}).Increment();
}

void ServiceMetrics::StoreTook(absl::string_view operation, absl::Duration duration) {
  (operation == "write" ? store_writes_ : store_reads_).Observe(absl::ToDoubleSeconds(duration));
}

std::vector<prometheus::MetricFamily> ServiceMetrics::Collect() const {
  return metrics::CollectAll({&registry_, &process_});
}

}  // namespace hebb::http
