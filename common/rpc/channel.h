// SPDX-License-Identifier: Apache-2.0
// How a client or a worker reaches the coordinator. gRPC's headers stay out of here.
#ifndef HEBB_COMMON_RPC_CHANNEL_H_
#define HEBB_COMMON_RPC_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/credentials.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace hebb::rpc {

struct ChannelOptions {
  // A silent connection is probed this often, and is dead if a probe is not answered in time. The
  // server allows pings from kKeepaliveMin on.
  absl::Duration keepalive_time = absl::Seconds(10);
  absl::Duration keepalive_timeout = absl::Seconds(5);
  // Bounds of the pause between attempts to connect.
  absl::Duration reconnect_min = absl::Milliseconds(100);
  absl::Duration reconnect_max = absl::Seconds(1);
};

inline constexpr absl::Duration kKeepaliveMin = absl::Seconds(1);

// A lazily connected channel with the message size, keepalive and backoff above: TLS and the token
// with credentials, plain text without.
// Thread-safe. (gRPC shares channels, hence the shared_ptr.)
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address,
                                           const Credentials& credentials = {},
                                           const ChannelOptions& options = {});

// Waits until the channel is connected. UNAVAILABLE, naming the address, when it is not by then.
absl::Status WaitUntilConnected(grpc::Channel& channel, const std::string& address,
                                absl::Time deadline);

// Gives a call its deadline; every call has one (gRPC's default is for ever).
void SetDeadline(grpc::ClientContext& context, absl::Time deadline);

struct HostPort {
  std::string host;  // without brackets
  int port = 0;
};

// "host:port" or "[v6]:port"; INVALID_ARGUMENT with what is wrong.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view address);
std::string JoinHostPort(absl::string_view host, int port);

// 127.0.0.0/8, ::1 and "localhost": addresses that nobody outside this machine can reach.
bool IsLoopback(absl::string_view host);

}  // namespace hebb::rpc

#endif  // HEBB_COMMON_RPC_CHANNEL_H_
