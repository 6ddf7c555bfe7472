// SPDX-License-Identifier: Apache-2.0
// The hebb_rpc_* series: the calls that the gRPC server has ended. Knows no gRPC.
#ifndef HEBB_SERVER_HTTP_RPC_METRICS_H_
#define HEBB_SERVER_HTTP_RPC_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::http {

// Thread-safe.
class RpcMetrics {
 public:
  // Borrows `registry`, which outlives it.
  explicit RpcMetrics(prometheus::Registry& registry);

  // `method`: "/hebb.v1.Jobs/Submit". Of other packages (health, reflection) all are one, so that
  // no client can make series.
  void Observe(absl::string_view method, absl::StatusCode code, absl::Duration duration);

 private:
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& durations_;
};

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_RPC_METRICS_H_
