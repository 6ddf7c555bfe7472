// SPDX-License-Identifier: Apache-2.0
// The coordinator's one HTTP server. Of itself it only reads:
//   /metrics  Prometheus       /healthz  the process answers
//   /readyz   the store can be read, else 503
//   /sd       the workers' /metrics, for Prometheus' HTTP service discovery
// The page and its API come from server/web.
#ifndef HEBB_SERVER_HTTP_STATUS_SERVER_H_
#define HEBB_SERVER_HTTP_STATUS_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/metrics/http_server.h"
#include "server/http/coordinator_metrics.h"
#include "server/http/fleet_view.h"
#include "server/store/job_store.h"

namespace hebb::http {

// Runs from Start to its destructor. Thread-safe.
class StatusServer {
 public:
  struct Options {
    std::string address;  // HOST:PORT; port 0: any free one
    std::string version;
    metrics::HttpSecurity security = {};
    // Adds further paths before the server starts; may be empty.
    std::function<void(metrics::HttpServer&)> more = nullptr;
  };
  // Borrows the three; they outlive it. `counted` gives what others count, such as the gRPC
  // services' hebb_rpc_* series; it is served beside the coordinator's own. Errors as
  // HttpServer::Listen.
  static absl::StatusOr<std::unique_ptr<StatusServer>> Start(
      const Options& options, store::JobStore& store, const FleetView& fleet,
      const prometheus::Collectable& counted);

  std::string address() const { return server_->address(); }

 private:
  StatusServer(const Options& options, store::JobStore& store, const FleetView& fleet);
  metrics::HttpResponse Ready() const;

  store::JobStore& store_;
  const FleetView& fleet_;
  const CoordinatorMetrics metrics_;
  std::unique_ptr<metrics::HttpServer> server_;  // last: its threads end before the rest goes
};

}  // namespace hebb::http

#endif  // HEBB_SERVER_HTTP_STATUS_SERVER_H_
