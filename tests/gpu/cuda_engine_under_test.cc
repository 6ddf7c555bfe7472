// SPDX-License-Identifier: Apache-2.0
// The GPU's engine on the GPU, for the tests of the CPU's engine. Without a GPU the program ends
// before them, with the exit code of what is skipped.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "common/status_macros.h"
#include "tests/gpu/device.h"
#include "tests/unit/worker/engine/harness.h"
#include "worker/gpu/gpu_engine.h"

namespace hebb::engine {
namespace {

class NeedsGpu : public ::testing::Environment {
 public:
  void SetUp() override {
    if (gpu::HasGpu()) return;
    std::printf("skipped: there is no GPU here\n");
    std::fflush(stdout);
    std::_Exit(77);
  }
};

const ::testing::Environment* const kNeedsGpu = ::testing::AddGlobalTestEnvironment(new NeedsGpu);

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> CreateEngineUnderTest(const EngineOptions& options) {
  HEBB_ASSIGN_OR_RETURN(std::shared_ptr<gpu::Ops> ops, gpu::MakeDevice("cuda"));
  return gpu::CreateGpuEngine(options, std::move(ops));
}

}  // namespace hebb::engine
