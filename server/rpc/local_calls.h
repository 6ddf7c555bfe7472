// SPDX-License-Identifier: Apache-2.0
// Calls of the services from within the process, on behalf of others: the way of the HTTP API. They
// meet the same gate, handlers, audit trail and metrics as calls from outside.
#ifndef HEBB_SERVER_RPC_LOCAL_CALLS_H_
#define HEBB_SERVER_RPC_LOCAL_CALLS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "hebb/v1/coordinator.grpc.pb.h"
#include "hebb/v1/jobs.grpc.pb.h"
#include "hebb/v1/queue.grpc.pb.h"
#include "server/access/gate.h"
#include "server/rpc/audit_trail.h"

namespace hebb::rpc {

// For whom a call is made.
struct OnBehalfOf {
  std::string token;  // "": none was shown
  std::string peer;   // address, "ipv4:127.0.0.1:40312", for the audit trail
};

// Thread-safe. Borrows the gate (null: nobody is authenticated) and the trail.
class LocalCalls {
 public:
  LocalCalls(std::shared_ptr<grpc::Channel> channel, access::Gate* gate, AuditTrail& trail);

  // To be asked before each call, for gRPC does not ask the gate within a process. Fills in `call`:
  // who it is for, and a deadline. Errors as Gate::Admit; refusals are in the audit trail.
  absl::Status Admit(absl::string_view method, const OnBehalfOf& caller, grpc::ClientContext& call);

  v1::Jobs::Stub& jobs() { return *jobs_; }
  v1::Coordinator::Stub& coordinator() { return *coordinator_; }
  v1::Queue::Stub& queue() { return *queue_; }
  bool authenticates() const { return gate_ != nullptr; }

 private:
  std::unique_ptr<v1::Jobs::Stub> jobs_;
  std::unique_ptr<v1::Coordinator::Stub> coordinator_;
  std::unique_ptr<v1::Queue::Stub> queue_;
  access::Gate* gate_;
  AuditTrail* trail_;
};

// Where a call comes from: the address; of a local call that of whom it is made for, which nobody
// outside the process can claim to be.
std::string PeerOf(const grpc::ServerContextBase& call);

// What the audit trail has of a call that the gate refused. `name`: "" where nobody is known.
v1::AuditEvent RefusedCall(absl::string_view method, const std::string& name,
                           const absl::Status& why);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_LOCAL_CALLS_H_
