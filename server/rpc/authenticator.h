// SPDX-License-Identifier: Apache-2.0
// Between gRPC and the gate: what a call shows, and the processor that asks the gate before any
// handler runs.
#ifndef HEBB_SERVER_RPC_AUTHENTICATOR_H_
#define HEBB_SERVER_RPC_AUTHENTICATOR_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/rpc/credentials.h"
#include "server/access/gate.h"

namespace hebb::rpc {

// Told of every call that the gate refused: the method, who it was ("" if that is not known), why.
using RefusalObserver =
    std::function<void(absl::string_view method, const std::string& name, const absl::Status&)>;

// Asks the gate about a call. `refused`, which may be empty, is told of a refusal. Errors as
// Gate::Admit.
absl::Status AdmitCall(access::Gate& gate, const access::Gate::Shown& shown,
                       const RefusalObserver& refused);

// TLS with the server's certificate and the gate before every call. A client's certificate is
// verified if it shows one, and demanded with `require_certificate`. `gate` is borrowed.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const Credentials& credentials,
                                                               bool require_certificate,
                                                               access::Gate& gate,
                                                               RefusalObserver observer);

// Who makes this call. Without a gate nobody is authenticated. A token that was taken back while
// the call ran leaves a caller without a name and with the least role.
access::Caller CallerOf(access::Gate* gate, const grpc::ServerContextBase& call);

// Whose a new job is: the caller's, or whose the request says where callers are not authenticated.
template <typename Request>
Request InTheNameOf(const access::Caller& caller, Request request) {
  if (caller.authenticated) request.set_user(caller.name);
  return request;
}

// PERMISSION_DENIED unless the caller may change what belongs to `owner`. `what`: "job j-1".
absl::Status CheckOwner(const access::Caller& caller, absl::string_view owner,
                        absl::string_view what);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_AUTHENTICATOR_H_
