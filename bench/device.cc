// SPDX-License-Identifier: Apache-2.0
#include "bench/device.h"

#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status_macros.h"
#include "tests/testing/gpu/host_ops.h"
#include "worker/gpu/gpu_engine.h"
#include "worker/gpu/plugin.h"

namespace hebb::bench {
namespace {

constexpr int kWrongArguments = 2;
constexpr int kNoGpu = 77;

// Each engine has Ops, and with them a queue, of its own.
Device WithOps(DeviceKind kind, std::string name,
               std::function<absl::StatusOr<std::unique_ptr<gpu::Ops>>()> make_ops) {
  Device device;
  device.kind = kind;
  device.name = std::move(name);
  device.make_ops = std::move(make_ops);
  device.make_engine =
      [make = device.make_ops](
          const engine::EngineOptions& options) -> absl::StatusOr<std::unique_ptr<engine::Engine>> {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<gpu::Ops> ops, make());
    return gpu::CreateGpuEngine(options, std::move(ops));
  };
  return device;
}

absl::StatusOr<Device> OpenCuda(int index) {
  if (!gpu::HasGpu()) {
    return absl::UnavailableError("there is no GPU here that CUDA can use");
  }
  HEBB_ASSIGN_OR_RETURN(gpu::Plugin * plugin, gpu::OpenPlugin("", HEBB_BUILD_ID));
  const auto make = [plugin, index] { return plugin->MakeOps(index); };
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<gpu::Ops> first, make());
  return WithOps(DeviceKind::kGpu, first->device_name(), make);
}

}  // namespace

absl::StatusOr<Device> OpenDevice(absl::string_view text) {
  if (text == "cpu") return Device{};
  if (text == "host") {
    return WithOps(DeviceKind::kHostAsGpu, "host",
                   []() -> absl::StatusOr<std::unique_ptr<gpu::Ops>> {
                     return std::make_unique<gpu::HostOps>();
                   });
  }
  int index = 0;
  absl::string_view number = text;
  if (text == "cuda" ||
      (absl::ConsumePrefix(&number, "cuda:") && absl::SimpleAtoi(number, &index) && index >= 0)) {
    return OpenCuda(index);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no device '", text, "'; use cpu, cuda, cuda:N or host"));
}

int TellError(const char* program, const absl::Status& status) {
  if (absl::IsUnavailable(status)) {
    std::printf("skipped: %s\n", std::string(status.message()).c_str());
    return kNoGpu;
  }
  std::fprintf(stderr, "%s: %s\n", program, std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? kWrongArguments : 1;
}

}  // namespace hebb::bench
