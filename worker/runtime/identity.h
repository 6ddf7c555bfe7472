// SPDX-License-Identifier: Apache-2.0
// Who this worker is, for its Hello.
#ifndef HEBB_WORKER_RUNTIME_IDENTITY_H_
#define HEBB_WORKER_RUNTIME_IDENTITY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::comm {
class MpiWorld;
}

namespace hebb::runtime {

class GpuDevice;

// "0.1.0+1a2b3c4": version and commit.
std::string BuildId();

// Cores this process may run on.
int AvailableCores();

// This machine's address on the way to `peer_host`; 127.0.0.1 if that is loopback or unknown.
std::string AddressTowards(const std::string& peer_host, int port);

// A new one for this process, with an id of its own: "NAME." and random digits, or those alone
// without a name. `mpi_world` may be null, and so may `gpu`: then it is a worker on a CPU.
v1::Worker MakeIdentity(absl::string_view name, int threads, absl::string_view http_address,
                        const comm::MpiWorld* mpi_world, const GpuDevice* gpu);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_IDENTITY_H_
