// SPDX-License-Identifier: Apache-2.0
// GPUs of which only the memory is counted and which break when the test says so.
#ifndef HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_GPU_H_
#define HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_GPU_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/gpu/host_ops.h"
#include "worker/runtime/gpu_device.h"

namespace hebb::runtime {

inline constexpr int64_t kGiB = int64_t{1} << 30;

struct FakeGpu {
  FakeGpu() { memory->total = 80 * kGiB; }

  // Takes so much of the memory until it is dropped.
  std::shared_ptr<void> Take(int64_t bytes) {
    Add(bytes);
    return std::shared_ptr<void>(nullptr, [this, bytes](void*) { Add(-bytes); });
  }
  void Add(int64_t bytes) {
    absl::MutexLock lock(&memory->mutex);
    memory->used += bytes;
  }

  std::shared_ptr<gpu::HostDevice> memory = std::make_shared<gpu::HostDevice>();
  std::atomic<bool> broken{false};  // all its calls fail, on all Ops
};

class FakeGpuOps final : public gpu::HostOps {
 public:
  explicit FakeGpuOps(FakeGpu& gpu) : HostOps(gpu.memory), gpu_(gpu) {}
  std::string device_name() const override { return "Fake GPU"; }
  std::string kernel_family() const override { return "fake-80g"; }
  std::map<std::string, std::string> libraries() const override { return {{"cuFake", "13"}}; }
  absl::StatusOr<gpu::MemoryInfo> memory() override {
    if (gpu_.broken) return absl::InternalError("cudaMemGetInfo: unspecified launch failure");
    return HostOps::memory();
  }

 private:
  FakeGpu& gpu_;
};

class FakePlugin final : public gpu::Plugin {
 public:
  explicit FakePlugin(size_t devices) : gpus(devices) {}

  absl::StatusOr<std::vector<gpu::DeviceInfo>> Devices() override {
    if (!fails.ok()) return fails;
    std::vector<gpu::DeviceInfo> infos;
    for (int i = 0; i < static_cast<int>(gpus.size()); ++i) {
      infos.push_back({i, "Fake GPU", absl::StrCat("GPU-", i), 80 * kGiB});
    }
    return infos;
  }
  absl::StatusOr<std::unique_ptr<gpu::Ops>> MakeOps(int device) override {
    return std::make_unique<FakeGpuOps>(gpus.at(device));
  }
  absl::StatusOr<std::string> MakeCollectiveId() override { return "id"; }
  absl::StatusOr<std::unique_ptr<gpu::Collective>> MakeCollective(int) override {
    return absl::UnimplementedError("no gangs of fakes");
  }
  std::string nccl_version() const override { return "2.fake"; }

  std::vector<FakeGpu> gpus;
  absl::Status fails;
};

// A machine with these; null: none.
inline GpuParts FakeParts(gpu::Plugin* plugin) {
  GpuParts parts;
  parts.has_gpu = [plugin] { return plugin != nullptr; };
  parts.open_plugin = [plugin]() -> absl::StatusOr<gpu::Plugin*> { return plugin; };
  return parts;
}

}  // namespace hebb::runtime

#endif  // HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_GPU_H_
