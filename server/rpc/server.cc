// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/log.h"
#include "common/rpc/channel.h"
#include "common/rpc/protocol.h"
#include "common/status_macros.h"
#include "server/rpc/audit_interceptor.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/info_service.h"
#include "server/rpc/jobs_service.h"
#include "server/rpc/queue_service.h"
#include "server/rpc/translate.h"
#include "server/rpc/workers_service.h"

namespace hebb::rpc {
namespace {

// One for each call and watcher (workers' streams hold none); beyond it calls get
// RESOURCE_EXHAUSTED.
constexpr int kThreadsMax = 4096;
constexpr auto kStopGrace = std::chrono::seconds(2);

// gRPC's own lines go where all lines go; its errors come back to us as statuses anyway.
void LogFromGrpc(gpr_log_func_args* line) {
  Log(LogLevel::kDebug, absl::StrCat("grpc: ", line->message));
}

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void Configure(grpc::ServerBuilder& builder, const Times& times) {
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  builder.SetMaxSendMessageSize(kMessageBytesMax);
  grpc::ResourceQuota quota("hebb");
  quota.SetMaxThreads(kThreadsMax);
  builder.SetResourceQuota(quota);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(times.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(times.keepalive_answer));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kKeepaliveMin));
}

// A call that the gate refuses reaches no interceptor.
std::shared_ptr<grpc::ServerCredentials> CredentialsFor(const Context& context,
                                                        const Security& security) {
  if (security.credentials.empty()) return grpc::InsecureServerCredentials();
  HEBB_CHECK(context.gate != nullptr);
  const auto refused = [&audit = context.audit](absl::string_view method, const std::string& name,
                                                const absl::Status& why) {
    audit.AddRefused(RefusedCall(method, name, why), absl::Now());
  };
  return MakeServerCredentials(security.credentials, security.require_client_certificate,
                               *context.gate, refused);
}

}  // namespace

struct Server::Parts {
  explicit Parts(const Context& context_in)
      : context(context_in), jobs(context), info(context), queue(context), workers(context) {}
  const Context context;
  JobsService jobs;
  InfoService info;
  QueueService queue;
  WorkersService workers;
  std::unique_ptr<grpc::Server> server;
};

Server::Server(std::string address, std::unique_ptr<Parts> parts)
    : address_(std::move(address)), parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::string& address,
                                                      const Context& context, CallObserver observer,
                                                      const Security& security) {
  HEBB_ASSIGN_OR_RETURN(const HostPort wanted, ParseHostPort(address));
  gpr_set_log_function(LogFromGrpc);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto parts = std::make_unique<Parts>(context);
  grpc::ServerBuilder builder;
  Configure(builder, context.controller.times());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> creators;
  if (observer) creators.push_back(MakeInterceptorFactory(std::move(observer)));
  creators.push_back(MakeAuditInterceptorFactory(context.gate, context.audit));
  builder.experimental().SetInterceptorCreators(std::move(creators));
  int port = 0;
  builder.AddListeningPort(address, CredentialsFor(context, security), &port);
  builder.RegisterService(&parts->jobs);
  builder.RegisterService(&parts->info);
  builder.RegisterService(&parts->queue);
  builder.RegisterService(&parts->workers);
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || port == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot listen on ", address,
                     ": the port is taken or the address is not this machine's; choose another "
                     "with --listen"));
  }
  grpc::HealthCheckServiceInterface* health = parts->server->GetHealthCheckService();
  for (const char* service :
       {"hebb.v1.Jobs", "hebb.v1.Coordinator", "hebb.v1.Queue", "hebb.v1.Workers"}) {
    health->SetServingStatus(service, true);
  }
  return std::unique_ptr<Server>(new Server(JoinHostPort(wanted.host, port), std::move(parts)));
}

Server::~Server() { Stop(); }

LocalCalls Server::MakeLocalCalls() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  return {parts_->server->InProcessChannel(arguments), parts_->context.gate, parts_->context.audit};
}

void Server::StopServing() {
  if (parts_->server != nullptr) parts_->server->GetHealthCheckService()->SetServingStatus(false);
}

void Server::Stop() {
  if (parts_->server == nullptr) return;
  StopServing();
  parts_->server->Shutdown(std::chrono::system_clock::now() + kStopGrace);
  parts_->server->Wait();
  parts_->server.reset();
}

}  // namespace hebb::rpc
