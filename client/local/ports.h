// SPDX-License-Identifier: Apache-2.0
// TCP ports on the loopback address for the programs that `hebb up` starts.
#ifndef HEBB_CLIENT_LOCAL_PORTS_H_
#define HEBB_CLIENT_LOCAL_PORTS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hebb::client {

// `port` if nobody listens on it at 127.0.0.1, or any free one for 0. A free port is taken from
// below the range of outgoing connections, so that none of those gets it first; `avoid` is not
// chosen. FAILED_PRECONDITION names a port that is taken and `option`, which chooses another.
absl::StatusOr<int> ChoosePort(int port, absl::string_view option, int avoid = 0);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_PORTS_H_
