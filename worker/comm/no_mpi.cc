// SPDX-License-Identifier: Apache-2.0
// What a build without MPI links instead of mpi_world.cc and mpi_communicator.cc.
#include "common/check.h"
#include "worker/comm/mpi_communicator.h"

namespace hebb::comm {

bool MpiWorld::Launched() { return false; }

absl::StatusOr<std::unique_ptr<MpiWorld>> MpiWorld::Init() {
  return absl::FailedPreconditionError(
      "this build has no MPI; install libopenmpi-dev and build again with -DHEBB_WITH_MPI=ON");
}

MpiWorld::~MpiWorld() = default;

std::string MpiVersion() { return "none"; }

std::unique_ptr<ConnectableCommunicator> MakeMpiCommunicator(const MpiOptions&, MpiWorld&) {
  HEBB_CHECK(false);  // there is no world to call it with
  return nullptr;
}

}  // namespace hebb::comm
