// SPDX-License-Identifier: Apache-2.0
#include "server/http/status_server.h"

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "server/http/views.h"

namespace hebb::http {
namespace {

constexpr const char* kJson = "application/json";
// Each open connection holds one: pages keep theirs between two looks.
constexpr int kThreads = 32;

metrics::HttpResponse Unavailable(const absl::Status& cause) {
  return {503, absl::StrCat("the job store cannot be read: ", cause.message(), "\n")};
}

}  // namespace

StatusServer::StatusServer(const Options& options, store::JobStore& store, const FleetView& fleet)
    : store_(store), fleet_(fleet), metrics_(store, fleet, options.version) {}

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::Start(
    const Options& options, store::JobStore& store, const FleetView& fleet,
    const prometheus::Collectable& counted) {
  std::unique_ptr<StatusServer> self(new StatusServer(options, store, fleet));
  HEBB_ASSIGN_OR_RETURN(self->server_,
                        metrics::HttpServer::Listen(options.address, options.security, kThreads));
  StatusServer* server = self.get();
  using metrics::HttpRequest;
  server->server_->ServeMetrics({&server->metrics_, &counted});
  server->server_->Get("/readyz", [server](const HttpRequest&) { return server->Ready(); });
  server->server_->Get("/healthz", [](const HttpRequest&) {
    return metrics::HttpResponse{200, "ok\n"};
  });
  server->server_->Get("/sd", [server](const HttpRequest&) {
    return metrics::HttpResponse{200, ServiceDiscovery(server->fleet_.Snapshot()), kJson};
  });
  if (options.more) options.more(*server->server_);
  server->server_->Start();
  return self;
}

metrics::HttpResponse StatusServer::Ready() const {
  const auto overview = store_.ReadOverview(absl::InfiniteFuture());
  return overview.ok() ? metrics::HttpResponse{200, "ready\n"} : Unavailable(overview.status());
}

}  // namespace hebb::http
