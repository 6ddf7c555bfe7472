// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/device.h"

#include <random>

#include "tests/testing/gpu/host_ops.h"

namespace hebb::gpu {

absl::StatusOr<Plugin*> OpenGpu() {
  static const auto* opened =
      new absl::StatusOr<Plugin*>(HasGpu() ? OpenPlugin("", HEBB_BUILD_ID)
                                           : absl::FailedPreconditionError("there is no GPU here"));
  return *opened;
}

absl::StatusOr<std::unique_ptr<Ops>> MakeDevice(const std::string& name) {
  if (name == "host") return std::make_unique<HostOps>();
  const absl::StatusOr<Plugin*> plugin = OpenGpu();
  if (!plugin.ok()) return plugin.status();
  return (*plugin)->MakeOps(0);
}

bool IsMissing(const std::string& name) { return name != "host" && !HasGpu(); }

std::vector<float> RandomFloats(size_t n, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(bits()) * 0x1p-31f - 1.0f;
  return values;
}

}  // namespace hebb::gpu
