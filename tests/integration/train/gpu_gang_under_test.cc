// SPDX-License-Identifier: Apache-2.0
// Ranks with a GPU each and NCCL between them, all played by the host.
#include <deque>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/contract/comm/map_rendezvous.h"
#include "tests/testing/gpu/thread_collective.h"
#include "tests/unit/worker/train/gang_harness.h"
#include "worker/gpu/gpu_engine.h"
#include "worker/gpu/nccl_communicator.h"

namespace hebb::train {
namespace {

gpu::ThreadPlugin& ThePlugin() {
  static auto* plugin = new gpu::ThreadPlugin(gpu::PeerDeath::kError);
  return *plugin;
}

}  // namespace

absl::StatusOr<std::unique_ptr<engine::Engine>> CreateEngineUnderTest(
    const engine::EngineOptions& options) {
  absl::StatusOr<std::unique_ptr<gpu::Ops>> ops = ThePlugin().MakeOps(0);
  if (!ops.ok()) return ops.status();
  return gpu::CreateGpuEngine(options, *std::move(ops));
}

std::vector<std::unique_ptr<comm::Communicator>> MakeGangUnderTest(int size) {
  static auto* gangs = new std::deque<comm::MapRendezvous>;  // one for each
  comm::MapRendezvous& rendezvous = gangs->emplace_back();
  const std::string generation = absl::StrCat("test/1/", gangs->size());
  std::vector<std::unique_ptr<comm::Communicator>> gang;
  for (int rank = 0; rank < size; ++rank) {
    gang.push_back(gpu::MakeNcclCommunicator({.device = 0, .generation = generation}, {rank, size},
                                             rendezvous, ThePlugin()));
  }
  return gang;
}

int DeathsUnderTest() { return 3; }

}  // namespace hebb::train
