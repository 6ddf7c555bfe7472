// SPDX-License-Identifier: Apache-2.0
// Tells one function of every call that the server ended, for whoever counts them.
#ifndef HEBB_SERVER_RPC_CALL_OBSERVER_H_
#define HEBB_SERVER_RPC_CALL_OBSERVER_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace grpc::experimental {
class ServerInterceptorFactoryInterface;
}

namespace hebb::rpc {

// Of one call: "/hebb.v1.Jobs/Submit", what it was answered with, how long it took (a stream: how
// long it was open). Called on the server's threads, several at once.
using CallObserver = std::function<void(absl::string_view, absl::StatusCode, absl::Duration)>;

// REQUIRES: observer.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeInterceptorFactory(
    CallObserver observer);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_CALL_OBSERVER_H_
