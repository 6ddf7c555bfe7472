// SPDX-License-Identifier: Apache-2.0
// A plugin of the worker whose one GPU is the host (host_ops.h), for tests of the programs. It
// fails, as a GPU does after a sticky error, while the file exists that HEBB_TEST_BREAK_GPU names.
//
// And the driver that counts that GPU: the same file under the name libcuda.so.1.
#include <unistd.h>

#include <cstdlib>

#include "tests/testing/gpu/thread_collective.h"

namespace hebb::gpu {
namespace {

absl::Status Broken() {
  const char* file = std::getenv("HEBB_TEST_BREAK_GPU");
  if (file == nullptr || access(file, F_OK) != 0) return absl::OkStatus();
  return absl::InternalError("an illegal memory access was encountered");
}

class BreakableOps final : public HostOps {
 public:
  using HostOps::HostOps;
  absl::StatusOr<MemoryInfo> memory() override {
    const absl::Status broken = Broken();
    return broken.ok() ? HostOps::memory() : broken;
  }
  absl::Status Download(const void* from, void* to, int64_t bytes) override {
    const absl::Status broken = Broken();
    return broken.ok() ? HostOps::Download(from, to, bytes) : broken;
  }
};

class HostPlugin final : public Plugin {
 public:
  absl::StatusOr<std::vector<DeviceInfo>> Devices() override {
    return std::vector<DeviceInfo>{
        {.index = 0, .name = "host", .uuid = "GPU-host", .memory = int64_t{1} << 30}};
  }
  absl::StatusOr<std::unique_ptr<Ops>> MakeOps(int) override {
    return std::make_unique<BreakableOps>(threads_.device());
  }
  absl::StatusOr<std::string> MakeCollectiveId() override { return threads_.MakeCollectiveId(); }
  absl::StatusOr<std::unique_ptr<Collective>> MakeCollective(int device) override {
    return threads_.MakeCollective(device);
  }
  std::string nccl_version() const override { return "none"; }

 private:
  ThreadPlugin threads_;
};

}  // namespace
}  // namespace hebb::gpu

extern "C" {

hebb::gpu::Plugin* hebb_gpu_plugin(const char*) {
  static hebb::gpu::HostPlugin plugin;
  return &plugin;
}

int cuInit(unsigned) { return 0; }
int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}
}
