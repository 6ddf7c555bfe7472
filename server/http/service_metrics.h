// SPDX-License-Identifier: Apache-2.0
// What the coordinator counts while it works: calls, decisions, attempts, times of the store. Knows
// no gRPC and nothing of who tells it.
#ifndef HEBB_SERVER_HTTP_SERVICE_METRICS_H_
#define HEBB_SERVER_HTTP_SERVICE_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/metrics/process_metrics.h"

namespace hebb::http {

// Thread-safe. Also tells what the process takes of its machine.
class ServiceMetrics : public prometheus::Collectable {
 public:
  // `decisions`, `outcomes`: what Decided and AttemptEnded may be told; they are at 0 from the
  // start. `folder`: the state folder.
  ServiceMetrics(const std::string& folder, const std::vector<std::string>& decisions,
                 const std::vector<std::string>& outcomes);

  // `method`: "/hebb.v1.Jobs/Submit". Of other packages (health, reflection) all are one, so that
  // no client can make series.
  void RpcEnded(absl::string_view method, absl::StatusCode code, absl::Duration duration);

  void QueueWaited(absl::Duration wait);
  void Decided(absl::string_view decision);
  void StepsLost(int64_t steps);
  void AttemptEnded(absl::string_view outcome);

  // `operation`: read | write.
  void StoreTook(absl::string_view operation, absl::Duration duration);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  prometheus::Registry registry_;
  const metrics::ProcessMetrics process_;
  prometheus::Family<prometheus::Counter>& rpc_requests_;
  prometheus::Family<prometheus::Histogram>& rpc_durations_;
  prometheus::Family<prometheus::Counter>& decisions_;
  prometheus::Family<prometheus::Counter>& outcomes_;
  prometheus::Counter& lost_steps_;
  prometheus::Histogram& queue_wait_;
  prometheus::Histogram& store_reads_;
  prometheus::Histogram& store_writes_;
};

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_SERVICE_METRICS_H_
