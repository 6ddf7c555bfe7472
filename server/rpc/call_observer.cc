// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/call_observer.h"

#include <grpcpp/support/server_interceptor.h>

#include <string>
#include <utility>
#include "common/steady_clock.h"

namespace hebb::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

// One for each call. Its end is the sending of the status: that also comes when the client has
// gone, because the handler returns one all the same.
class Interceptor : public grpc::experimental::Interceptor {
 public:
  Interceptor(const CallObserver& observer, std::string method)
      : observer_(observer), method_(std::move(method)) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const auto code = static_cast<absl::StatusCode>(methods->GetSendStatus().error_code());
      observer_(method_, code, SteadyNow() - start_);
    }
    methods->Proceed();
  }

 private:
  const CallObserver& observer_;
  const std::string method_;
  const absl::Time start_ = SteadyNow();
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Factory(CallObserver observer) : observer_(std::move(observer)) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new Interceptor(observer_, info->method());  // gRPC takes it
  }

 private:
  const CallObserver observer_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeInterceptorFactory(
    CallObserver observer) {
  return std::make_unique<Factory>(std::move(observer));
}

}  // namespace hebb::rpc
