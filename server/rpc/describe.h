// SPDX-License-Identifier: Apache-2.0
// What clients see of jobs: the store's record and what the control loop knows.
#ifndef HEBB_SERVER_RPC_DESCRIBE_H_
#define HEBB_SERVER_RPC_DESCRIBE_H_

#include "absl/status/status.h"
#include "hebb/v1/jobs.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// As in a list; with the spec; with epochs, too; with events and provenance, too.
enum class Detail { kList, kSpec, kWatch, kFull };

absl::Status Describe(const Context& context, const job::Job& job, Detail detail, v1::Job& proto);

// INVALID_ARGUMENT: a state, page size or token that is none.
absl::Status ListPage(const Context& context, const v1::ListRequest& request,
                      v1::ListResponse& response);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_DESCRIBE_H_
