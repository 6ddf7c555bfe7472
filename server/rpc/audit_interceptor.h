// SPDX-License-Identifier: Apache-2.0
// Writes every call that changes something, and every one that a handler refused, into the audit
// trail.
#ifndef HEBB_SERVER_RPC_AUDIT_INTERCEPTOR_H_
#define HEBB_SERVER_RPC_AUDIT_INTERCEPTOR_H_

#include <memory>

#include "server/access/gate.h"
#include "server/rpc/audit_trail.h"

namespace grpc::experimental {
class ServerInterceptorFactoryInterface;
}

namespace hebb::rpc {

// Both borrowed; `gate` may be null: then nobody is authenticated.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeAuditInterceptorFactory(
    access::Gate* gate, AuditTrail& trail);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_AUDIT_INTERCEPTOR_H_
