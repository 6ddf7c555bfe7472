// SPDX-License-Identifier: Apache-2.0
// A sweep's runs grouped over seeds, with their means: for the client and the page. Pure.
#ifndef HEBB_SERVER_RPC_SWEEP_GROUPS_H_
#define HEBB_SERVER_RPC_SWEEP_GROUPS_H_

#include "hebb/v1/jobs.pb.h"

namespace hebb::rpc {

// Fills in the groups of the runs that are there, in place of those that it has.
void GroupRuns(v1::Sweep& sweep);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_SWEEP_GROUPS_H_
