// SPDX-License-Identifier: Apache-2.0
// The gRPC server: its services, health, reflection. gRPC's headers stay behind it.
#ifndef HEBB_SERVER_RPC_SERVER_H_
#define HEBB_SERVER_RPC_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/credentials.h"
#include "server/rpc/call_observer.h"
#include "server/rpc/context.h"
#include "server/rpc/local_calls.h"

namespace hebb::rpc {

// Plain text without credentials; else TLS, and the context's gate (which must be there) in front
// of every call.
struct Security {
  Credentials credentials = {};
  bool require_client_certificate = false;
};

// Owned by the composition root. Thread-safe.
class Server {
 public:
  // Binds "host:port" (port 0: any free one). FAILED_PRECONDITION when the port is taken: gRPC's
  // own way would be to share it silently with the other server. `observer`, if any, is told of
  // every call that ended.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& address,
                                                       const Context& context,
                                                       CallObserver observer = nullptr,
                                                       const Security& security = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& address() const { return address_; }  // with the real port
  // For the HTTP API: calls from this process. They must have ended before the server goes.
  LocalCalls MakeLocalCalls();
  // The first half of an orderly stop: health says NOT_SERVING, for load balancers to see.
  void StopServing();
  // Ends all calls, the open ones after a short grace. Idempotent.
  void Stop();

 private:
  struct Parts;
  Server(std::string address, std::unique_ptr<Parts> parts);

  const std::string address_;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_SERVER_H_
