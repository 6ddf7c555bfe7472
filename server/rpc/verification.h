// SPDX-License-Identifier: Apache-2.0
// From "train those steps again" to a stored job (docs/verify.md).
#ifndef HEBB_SERVER_RPC_VERIFICATION_H_
#define HEBB_SERVER_RPC_VERIFICATION_H_

#include "absl/status/statusor.h"
#include "hebb/v1/jobs.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Stores a job that trains steps of `request.job` again and compares their digests; it holds on to
// the checkpoint from which it starts. NOT_FOUND; INVALID_ARGUMENT: no such stretch;
// FAILED_PRECONDITION: that job has no promise of equal bits, or no digest on record there.
absl::StatusOr<job::Job> SubmitVerification(const Context& context,
                                            const v1::VerifyRequest& request);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_VERIFICATION_H_
