// SPDX-License-Identifier: Apache-2.0
// The door between the worker and libhebb_cuda.so: the one function that the library exports, and
// how the worker finds it. All CUDA, cuBLAS, cuDNN and NCCL code is behind it.
#ifndef HEBB_WORKER_GPU_PLUGIN_H_
#define HEBB_WORKER_GPU_PLUGIN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/gpu/collective.h"
#include "worker/gpu/ops.h"

namespace hebb::gpu {

struct DeviceInfo {
  int index = 0;       // as CUDA numbers it under CUDA_VISIBLE_DEVICES
  std::string name;    // "NVIDIA H100 80GB HBM3"
  std::string uuid;    // "GPU-..."
  int64_t memory = 0;  // bytes
};

// What the plugin makes. Stateless: lives as long as the process.
class Plugin {
 public:
  virtual ~Plugin() = default;

  // Empty: CUDA works and sees none. FAILED_PRECONDITION: CUDA does not work here, and why (no
  // driver, say, or one that is too old).
  virtual absl::StatusOr<std::vector<DeviceInfo>> Devices() = 0;
  // NOT_FOUND: there is no such device. FAILED_PRECONDITION as above.
  virtual absl::StatusOr<std::unique_ptr<Ops>> MakeOps(int device) = 0;

  // The name under which the ranks of one communicator meet: made by one of them, told to all.
  // Printable. Its maker must live until they have met.
  virtual absl::StatusOr<std::string> MakeCollectiveId() = 0;
  virtual absl::StatusOr<std::unique_ptr<Collective>> MakeCollective(int device) = 0;
  virtual std::string nccl_version() const = 0;
};

// The exported function. Null where `build_id` is not the one that the plugin was built with: the
// two would not fit together.
inline constexpr char kPluginFunction[] = "hebb_gpu_plugin";
using PluginFunction = Plugin* (*)(const char* build_id);

// Whether this machine has a GPU that CUDA can use now; opens libcuda.so.1 only. A false costs
// about a millisecond.
bool HasGpu();

// Opens libhebb_cuda.so: `path`, or, where that is empty, $HEBB_CUDA_PLUGIN, or the one that lies
// beside the program or in ../lib from there. The plugin stays open until the process ends. The
// libraries that it needs are looked for by the system's loader and, where that lacks one, in the
// folders of $HEBB_CUDA_LIBRARY_PATH (with colons between them).
// NOT_FOUND: no such file. FAILED_PRECONDITION: it cannot be opened (the system's text: a CUDA
// library is missing, say), or is of another build.
absl::StatusOr<Plugin*> OpenPlugin(const std::string& path, const std::string& build_id);

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_PLUGIN_H_
