// SPDX-License-Identifier: Apache-2.0
// The GPU's engine over a GPU that is played by the host.
#include "tests/testing/gpu/host_ops.h"
#include "tests/unit/worker/engine/harness.h"
#include "worker/gpu/gpu_engine.h"

namespace hebb::engine {

absl::StatusOr<std::unique_ptr<Engine>> CreateEngineUnderTest(const EngineOptions& options) {
  const auto device = std::make_shared<gpu::HostDevice>(/*is_guarded=*/true);
  return gpu::CreateGpuEngine(options, std::make_shared<gpu::HostOps>(device));
}

}  // namespace hebb::engine
