// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/local_calls.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);
constexpr char kPeer[] = "hebb-peer";

// gRPC knows an address of every call that came over a socket.
bool IsLocal(const std::string& peer) { return peer == "unknown" || peer == "inproc"; }

}  // namespace

LocalCalls::LocalCalls(std::shared_ptr<grpc::Channel> channel, access::Gate* gate,
                       AuditTrail& trail)
    : jobs_(v1::Jobs::NewStub(channel)),
      coordinator_(v1::Coordinator::NewStub(channel)),
      queue_(v1::Queue::NewStub(channel)),
      gate_(gate),
      trail_(&trail) {}

absl::Status LocalCalls::Admit(absl::string_view method, const OnBehalfOf& caller,
                               grpc::ClientContext& call) {
  SetDeadline(call, absl::Now() + kDeadline);
  call.AddMetadata(kPeer, caller.peer);
  if (gate_ == nullptr) return absl::OkStatus();
  call.AddMetadata("authorization", absl::StrCat("Bearer ", caller.token));
  const auto refused = [&](absl::string_view called, const std::string& name,
                           const absl::Status& why) {
    v1::AuditEvent event = RefusedCall(called, name, why);
    event.set_peer(caller.peer);
    trail_->AddRefused(std::move(event), absl::Now());
  };
  return AdmitCall(*gate_, {method, caller.token, ""}, refused);
}

std::string PeerOf(const grpc::ServerContextBase& call) {
  const std::string peer = call.peer();
  if (!IsLocal(peer)) return peer;
  const auto found = call.client_metadata().find(kPeer);
  if (found == call.client_metadata().end()) return peer;
  return std::string(found->second.data(), found->second.size());
}

v1::AuditEvent RefusedCall(absl::string_view method, const std::string& name,
                           const absl::Status& why) {
  v1::AuditEvent event;
  *event.mutable_time() = ToProto(absl::Now());
  event.set_user(name);
  event.set_method(std::string(method));
  event.set_outcome(absl::StatusCodeToString(why.code()));
  return event;
}

}  // namespace hebb::rpc
