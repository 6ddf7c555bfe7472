// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {

absl::StatusOr<std::unique_ptr<Engine>> CreateEngineUnderTest(const EngineOptions& options) {
  return CreateCpuEngine(options);
}

}  // namespace hebb::engine
