// SPDX-License-Identifier: Apache-2.0
#include "client/local/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>

#include "absl/strings/str_cat.h"

namespace hebb::client {
namespace {

constexpr int kLowest = 15000;
constexpr int kHighest = 31999;  // Linux gives outgoing connections ports from 32768 on
constexpr int kTries = 200;

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const int on = 1;  // connections that linger after a stop are no obstacle
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool bound =
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 && listen(fd, 1) == 0;
  close(fd);
  return bound;
}

}  // namespace

absl::StatusOr<int> ChoosePort(int port, absl::string_view option, int avoid) {
  if (port != 0) {
    if (IsFree(port)) return port;
    return absl::FailedPreconditionError(absl::StrCat(
        "port ", port, " on 127.0.0.1 is taken by another program; choose another with ", option,
        " (0: any free one)"));
  }
  std::random_device random;
  std::uniform_int_distribution<int> any(kLowest, kHighest);
  for (int i = 0; i < kTries; ++i) {
    const int candidate = any(random);
    if (candidate != avoid && IsFree(candidate)) return candidate;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("found no free port on 127.0.0.1; name one with ", option));
}

}  // namespace hebb::client
