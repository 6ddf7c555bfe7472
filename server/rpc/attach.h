// SPDX-License-Identifier: Apache-2.0
// One attached worker's stream. It holds no thread: gRPC calls it when a message has come.
#ifndef HEBB_SERVER_RPC_ATTACH_H_
#define HEBB_SERVER_RPC_ATTACH_H_

#include <grpcpp/grpcpp.h>

#include "server/rpc/context.h"
#include "server/rpc/stream_link.h"

namespace hebb::rpc {

// Begins to serve the stream of `call`; the result owns itself and goes when the stream has ended.
// Borrows what the context names until then.
StreamLink::Reactor* ServeAttach(const Context& context, grpc::CallbackServerContext& call);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_ATTACH_H_
