// SPDX-License-Identifier: Apache-2.0
// From a sweep file to a stored sweep, and its end. No gRPC in here.
#ifndef HEBB_SERVER_RPC_SWEEPS_H_
#define HEBB_SERVER_RPC_SWEEPS_H_

#include <string>

#include "absl/status/statusor.h"
#include "hebb/v1/jobs.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Parses and checks every run and keeps nothing. INVALID_ARGUMENT as sweep::ParseSweep.
absl::StatusOr<v1::ValidateSweepResponse> ValidateSweep(const Context& context,
                                                        const v1::SubmitRequest& request);

// Parses and checks every run, then stores all of them at once; durable when it returns. A repeat
// of the request id gives the sweep stored first. INVALID_ARGUMENT as sweep::ParseSweep;
// FAILED_PRECONDITION when the file of `init: {from}` was not uploaded.
absl::StatusOr<job::Sweep> SubmitSweep(const Context& context, const v1::SubmitRequest& request);

// Cancels, in one transaction, the jobs that have not ended; none left is no error. NOT_FOUND;
// PERMISSION_DENIED for a sweep of somebody else.
absl::StatusOr<job::Sweep> CancelSweep(const Context& context, const access::Caller& caller,
                                       const std::string& key);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_SWEEPS_H_
