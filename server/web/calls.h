// SPDX-License-Identifier: Apache-2.0
// One HTTP request as one call of a service.
#ifndef HEBB_SERVER_WEB_CALLS_H_
#define HEBB_SERVER_WEB_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/metrics/http_server.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "server/rpc/local_calls.h"

namespace hebb::web {

inline rpc::OnBehalfOf CallerOf(const metrics::HttpRequest& http) {
  return {http.token, http.peer};
}

// What the service `stub` answers; `name`: "Jobs/Get".
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(rpc::LocalCalls& calls, const metrics::HttpRequest& http, Stub& stub,
                              const char* name,
                              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                              const Request& request) {
  grpc::ClientContext context;
  HEBB_RETURN_IF_ERROR(calls.Admit(absl::StrCat("/hebb.v1.", name), CallerOf(http), context));
  Response response;
  HEBB_RETURN_IF_ERROR(rpc::FromGrpc((stub.*method)(&context, request, &response)));
  return response;
}

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_CALLS_H_
