// SPDX-License-Identifier: Apache-2.0
// Where a benchmark trains: the CPU, a GPU, or the host in a GPU's part.
#ifndef HEBB_BENCH_DEVICE_H_
#define HEBB_BENCH_DEVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/gpu/ops.h"
#include "worker/train/run_state.h"

namespace hebb::bench {

enum class DeviceKind {
  kCpu,
  kGpu,
  kHostAsGpu,  // the GPU's engine over loops on the host: slow, to try out what is around it
};

struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  std::string name = "cpu";                                             // a GPU's own
  train::EngineFactory make_engine;                                     // none: the CPU's engine
  std::function<absl::StatusOr<std::unique_ptr<gpu::Ops>>()> make_ops;  // none: the CPU
};

// "cpu", "cuda", "cuda:N" as CUDA numbers devices, or "host" for kHostAsGpu. INVALID_ARGUMENT:
// another text. UNAVAILABLE: there is no GPU. NOT_FOUND, FAILED_PRECONDITION: as gpu::OpenPlugin
// and Plugin::MakeOps.
absl::StatusOr<Device> OpenDevice(absl::string_view text);

// Prints the error, or, where only the GPU is missing, that the program is skipped. The exit code:
// 2 for wrong arguments, 77 for no GPU, else 1.
int TellError(const char* program, const absl::Status& status);

}  // namespace hebb::bench

#endif  // HEBB_BENCH_DEVICE_H_
