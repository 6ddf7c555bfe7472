// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/audit_interceptor.h"

#include <google/protobuf/message.h>
#include <grpcpp/support/server_interceptor.h>

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "common/rpc/status.h"
#include "server/access/rules.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/local_calls.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

// The first of these text fields that `message` has and that is set: what a call is about.
std::string TextField(const Message& message, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    const bool text = field != nullptr && !field->is_repeated() &&
                      field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    if (!text) continue;
    std::string value = message.GetReflection()->GetString(message, field);
    if (!value.empty()) return value;
  }
  return "";
}

class Interceptor : public grpc::experimental::Interceptor {
 public:
  Interceptor(access::Gate* gate, AuditTrail& trail, ServerRpcInfo& info)
      : gate_(gate), trail_(trail), info_(info), rule_(access::RuleOf(info.method())) {}

  // Messages are looked at in our own calls only: others may be no protobuf messages here.
  void Intercept(InterceptorBatchMethods* methods) override {
    if (rule_ != nullptr && absl::StartsWith(rule_->method, "/hebb.v1.")) Look(*methods);
    methods->Proceed();
  }

 private:
  void Look(InterceptorBatchMethods& batch) {
    InterceptorBatchMethods* const methods = &batch;
    if (rule_->changes &&
        methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      const auto* request = static_cast<const Message*>(methods->GetRecvMessage());
      if (request != nullptr && object_.empty()) {
        object_ = TextField(*request, {"job", "sweep", "worker"});
        claimed_user_ = TextField(*request, {"user"});
      }
    }
    if (rule_->changes &&
        methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_MESSAGE)) {
      const auto* response = static_cast<const Message*>(methods->GetSendMessage());
      if (response != nullptr) {
        const std::string id = TextField(*response, {"id", "sha256"});
        if (!id.empty()) object_ = id;
      }
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      Record(methods->GetSendStatus());
    }
  }

  void Record(const grpc::Status& status) {
    const bool denied = status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
    if (!rule_->changes && !denied) return;
    const access::Caller caller = CallerOf(gate_, *info_.server_context());
    v1::AuditEvent event;
    *event.mutable_time() = ToProto(absl::Now());
    event.set_user(caller.authenticated ? caller.name : claimed_user_);
    event.set_role(caller.authenticated ? std::string(RoleName(caller.role)) : "");
    event.set_peer(PeerOf(*info_.server_context()));
    event.set_method(info_.method());
    event.set_object(object_);
    event.set_outcome(absl::StatusCodeToString(FromGrpc(status).code()));
    trail_.Add(std::move(event));
  }

  access::Gate* const gate_;
  AuditTrail& trail_;
  ServerRpcInfo& info_;
  const access::Rule* const rule_;
  std::string object_;
  std::string claimed_user_;
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  Factory(access::Gate* gate, AuditTrail& trail) : gate_(gate), trail_(trail) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new Interceptor(gate_, trail_, *info);  // gRPC takes it
  }

 private:
  access::Gate* const gate_;
  AuditTrail& trail_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeAuditInterceptorFactory(
    access::Gate* gate, AuditTrail& trail) {
  return std::make_unique<Factory>(gate, trail);
}

}  // namespace hebb::rpc
