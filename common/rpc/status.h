// SPDX-License-Identifier: Apache-2.0
// absl::Status <-> grpc::Status: the codes are the same numbers, the message is kept as it is.
#ifndef HEBB_COMMON_RPC_STATUS_H_
#define HEBB_COMMON_RPC_STATUS_H_

#include "absl/status/status.h"

namespace grpc {
class Status;
}  // namespace grpc

namespace hebb::rpc {

absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace hebb::rpc

#endif  // HEBB_COMMON_RPC_STATUS_H_
