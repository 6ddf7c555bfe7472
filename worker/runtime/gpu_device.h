// SPDX-License-Identifier: Apache-2.0
// The GPU that this process computes on: found, locked, and asked for its memory. Null stands for
// a worker that computes on its CPU.
#ifndef HEBB_WORKER_RUNTIME_GPU_DEVICE_H_
#define HEBB_WORKER_RUNTIME_GPU_DEVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/comm/connectable.h"
#include "worker/comm/rendezvous.h"
#include "worker/engine/engine.h"
#include "worker/gpu/plugin.h"
#include "worker/runtime/device_lock.h"

namespace hebb::runtime {

// What the runtime asks of the GPU's code, as functions, so that tests can play its part.
struct GpuParts {
  std::function<bool()> has_gpu;
  std::function<absl::StatusOr<gpu::Plugin*>()> open_plugin;
  std::function<absl::StatusOr<std::unique_ptr<engine::Engine>>(const engine::EngineOptions&,
                                                                std::shared_ptr<gpu::Ops>)>
      make_engine;
};

// The real ones.
GpuParts RealGpuParts();

// Opens the plugin and asks it for its devices: at least one. An error says why there is none.
absl::StatusOr<std::vector<gpu::DeviceInfo>> FindDevices(const GpuParts& parts,
                                                         gpu::Plugin*& plugin);

// What --device asks for.
struct DeviceWish {
  enum class Kind { kAuto, kCpu, kCuda };
  Kind kind = Kind::kAuto;
  std::optional<int> index;  // of kCuda, as CUDA numbers devices under CUDA_VISIBLE_DEVICES
};

// "auto", "cpu", "cuda" or "cuda:N". INVALID_ARGUMENT: another text.
absl::StatusOr<DeviceWish> ParseDevice(absl::string_view text);

// After a job at most so many of a GPU's bytes may be missing: what libraries load once and keep.
int64_t MemoryTolerance(const gpu::MemoryInfo& memory);

// One thread at a time, but for seen().
class GpuDevice {
 public:
  // Makes the device's context, which lives as long as this. `plugin` outlives it.
  static absl::StatusOr<std::unique_ptr<GpuDevice>> Open(const GpuParts& parts, gpu::Plugin& plugin,
                                                         const gpu::DeviceInfo& info,
                                                         std::unique_ptr<DeviceLock> lock);

  const gpu::DeviceInfo& info() const { return info_; }
  const gpu::Ops& ops() const { return *ops_; }

  // Asks the device how much memory it has. An error: it is of no more use to this process.
  absl::StatusOr<gpu::MemoryInfo> Look();
  // What the last Look saw. Thread-safe.
  gpu::MemoryInfo seen() const { return {free_.load(), total_.load()}; }

  // The engine has Ops of its own, which go with it.
  absl::StatusOr<std::unique_ptr<engine::Engine>> MakeEngine(
      const engine::EngineOptions& options) const;
  // `rendezvous` is borrowed until it is connected.
  std::unique_ptr<comm::ConnectableCommunicator> MakeCommunicator(
      const std::string& generation, comm::Topology topology, comm::Rendezvous& rendezvous) const;

 private:
  GpuDevice(const GpuParts& parts, gpu::Plugin& plugin, gpu::DeviceInfo info,
            std::unique_ptr<DeviceLock> lock, std::unique_ptr<gpu::Ops> ops);

  const GpuParts parts_;
  gpu::Plugin& plugin_;
  const gpu::DeviceInfo info_;
  const std::unique_ptr<DeviceLock> lock_;
  const std::unique_ptr<gpu::Ops> ops_;  // of no engine: what the worker itself asks for
  std::atomic<int64_t> free_{0};
  std::atomic<int64_t> total_{0};
};

// The device that `wish` asks for; null: the CPU, which `auto` takes, with a line in the log where
// there is a GPU but no plugin. Of several GPUs the first that no other worker holds; "cuda:N" is
// taken even then. FAILED_PRECONDITION: the cause why there is none, and what to do.
absl::StatusOr<std::unique_ptr<GpuDevice>> ChooseDevice(const DeviceWish& wish,
                                                        const GpuParts& parts,
                                                        const std::string& lock_folder);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_GPU_DEVICE_H_
