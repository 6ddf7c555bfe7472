// SPDX-License-Identifier: Apache-2.0
// The one function that libhebb_cuda.so exports. What it returns crosses the library's border as
// virtual calls, absl::Status and standard types: the worker and this library load the same shared
// abseil and libstdc++, and the build id says that both were compiled from the same headers.
#include "worker/gpu/plugin.h"

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/status_macros.h"
#include "worker/cuda/cuda_ops.h"
#include "worker/cuda/device.h"
#include "worker/cuda/nccl_collective.h"

namespace hebb::cuda {
namespace {

class CudaPlugin : public gpu::Plugin {
 public:
  absl::StatusOr<std::vector<gpu::DeviceInfo>> Devices() override { return ListDevices(); }
  absl::StatusOr<std::unique_ptr<gpu::Ops>> MakeOps(int device) override {
    return CudaOps::Create(device);
  }
  absl::StatusOr<std::string> MakeCollectiveId() override { return MakeNcclId(); }
  absl::StatusOr<std::unique_ptr<gpu::Collective>> MakeCollective(int device) override {
    HEBB_RETURN_IF_ERROR(ReadDevice(device).status());
    return NcclCollective::Create(device);
  }
  std::string nccl_version() const override { return NcclVersion(); }
};

}  // namespace
}  // namespace hebb::cuda

extern "C" __attribute__((visibility("default"))) hebb::gpu::Plugin* hebb_gpu_plugin(
    const char* build_id) {
  if (build_id == nullptr || std::strcmp(build_id, HEBB_BUILD_ID) != 0) return nullptr;
  static auto* plugin = new hebb::cuda::CudaPlugin;
  return plugin;
}
