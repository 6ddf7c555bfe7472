// SPDX-License-Identifier: Apache-2.0
// The JSON API under /api/v1/ (docs/api.md): each path is a call of a gRPC service, made on behalf
// of who asks, so that rules, audit trail and answers are the same on both ways.
#ifndef HEBB_SERVER_WEB_API_H_
#define HEBB_SERVER_WEB_API_H_

#include "common/metrics/http_server.h"
#include "server/rpc/local_calls.h"

namespace hebb::web {

// Borrows `calls`, which must outlive the server. REQUIRES: before server.Start.
void RegisterApi(rpc::LocalCalls& calls, metrics::HttpServer& server);

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_API_H_
