// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/train/gang_harness.h"
#include "worker/comm/local_communicator.h"

namespace hebb::train {

absl::StatusOr<std::unique_ptr<engine::Engine>> CreateEngineUnderTest(
    const engine::EngineOptions& options) {
  return engine::CreateCpuEngine(options);
}

std::vector<std::unique_ptr<comm::Communicator>> MakeGangUnderTest(int size) {
  return comm::MakeLocalGang(size);
}

int DeathsUnderTest() { return 8; }

}  // namespace hebb::train
