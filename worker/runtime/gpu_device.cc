// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/gpu_device.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "worker/gpu/nccl_communicator.h"

namespace hebb::runtime {
namespace {

constexpr int64_t kToleranceLeast = 512 << 20;
constexpr int64_t kToleranceShare = 100;  // one part of so many

absl::Status None(absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("--device cuda: ", why,
                   "; `hebb doctor` says what is missing, --device cpu "
                   "does without"));
}

// "cuda:1 (NVIDIA H100)"
std::string NameOf(const gpu::DeviceInfo& info) {
  return absl::StrCat("cuda:", info.index, " (", info.name, ")");
}

// As told, even if others compute there.
absl::StatusOr<std::unique_ptr<GpuDevice>> TakeNumbered(int index, const GpuParts& parts,
                                                        gpu::Plugin& plugin,
                                                        const std::vector<gpu::DeviceInfo>& all,
                                                        const std::string& folder) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& info) { return info.index == index; });
  if (found == all.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--device cuda:", index, ": there is no such GPU; ", all.size(),
        " can be seen here, numbered from 0 (CUDA_VISIBLE_DEVICES chooses among them)"));
  }
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<DeviceLock> lock,
                        DeviceLock::Take(folder, found->uuid, /*shared=*/true));
  if (lock == nullptr) {
    LogWarning(absl::StrCat(NameOf(*found), " is another worker's too: they share its memory"));
  }
  return GpuDevice::Open(parts, plugin, *found, std::move(lock));
}

absl::StatusOr<std::unique_ptr<GpuDevice>> TakeFirstFree(const GpuParts& parts, gpu::Plugin& plugin,
                                                         const std::vector<gpu::DeviceInfo>& all,
                                                         const std::string& folder) {
  for (const gpu::DeviceInfo& info : all) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<DeviceLock> lock,
                          DeviceLock::Take(folder, info.uuid, /*shared=*/false));
    if (lock != nullptr) return GpuDevice::Open(parts, plugin, info, std::move(lock));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      all.size() == 1 ? "the GPU here is" : absl::StrCat("the ", all.size(), " GPUs here are all"),
      " held by other workers; start no more workers than GPUs, or this one with --device cpu, or "
      "with --device cuda:N to share one"));
}

}  // namespace

absl::StatusOr<std::vector<gpu::DeviceInfo>> FindDevices(const GpuParts& parts,
                                                         gpu::Plugin*& plugin) {
  HEBB_ASSIGN_OR_RETURN(plugin, parts.open_plugin());
  HEBB_ASSIGN_OR_RETURN(std::vector<gpu::DeviceInfo> all, plugin->Devices());
  if (all.empty()) return absl::NotFoundError("the driver counts a GPU, but CUDA sees none");
  return all;
}

absl::StatusOr<DeviceWish> ParseDevice(absl::string_view text) {
  DeviceWish wish;
  if (text == "auto") return wish;
  wish.kind = text == "cpu" ? DeviceWish::Kind::kCpu : DeviceWish::Kind::kCuda;
  if (text == "cpu" || text == "cuda") return wish;
  absl::string_view number = text;
  int index = 0;
  if (absl::ConsumePrefix(&number, "cuda:") && absl::SimpleAtoi(number, &index) && index >= 0) {
    wish.index = index;
    return wish;
  }
  return absl::InvalidArgumentError(absl::StrCat(text, " is not auto, cpu, cuda or cuda:N"));
}

int64_t MemoryTolerance(const gpu::MemoryInfo& memory) {
  return std::max(kToleranceLeast, memory.total / kToleranceShare);
}

GpuDevice::GpuDevice(const GpuParts& parts, gpu::Plugin& plugin, gpu::DeviceInfo info,
                     std::unique_ptr<DeviceLock> lock, std::unique_ptr<gpu::Ops> ops)
    : parts_(parts),
      plugin_(plugin),
      info_(std::move(info)),
      lock_(std::move(lock)),
      ops_(std::move(ops)) {}

absl::StatusOr<std::unique_ptr<GpuDevice>> GpuDevice::Open(const GpuParts& parts,
                                                           gpu::Plugin& plugin,
                                                           const gpu::DeviceInfo& info,
                                                           std::unique_ptr<DeviceLock> lock) {
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<gpu::Ops> ops, plugin.MakeOps(info.index));
  std::unique_ptr<GpuDevice> device(
      new GpuDevice(parts, plugin, info, std::move(lock), std::move(ops)));
  HEBB_RETURN_IF_ERROR(device->Look().status());
  return device;
}

absl::StatusOr<gpu::MemoryInfo> GpuDevice::Look() {
  HEBB_ASSIGN_OR_RETURN(const gpu::MemoryInfo memory, ops_->memory());
  free_ = memory.free;
  total_ = memory.total;
  return memory;
}

absl::StatusOr<std::unique_ptr<engine::Engine>> GpuDevice::MakeEngine(
    const engine::EngineOptions& options) const {
  HEBB_ASSIGN_OR_RETURN(std::shared_ptr<gpu::Ops> ops, plugin_.MakeOps(info_.index));
  return parts_.make_engine(options, std::move(ops));
}

std::unique_ptr<comm::ConnectableCommunicator> GpuDevice::MakeCommunicator(
    const std::string& generation, comm::Topology topology, comm::Rendezvous& rendezvous) const {
  return gpu::MakeNcclCommunicator({info_.index, generation}, topology, rendezvous, plugin_);
}

absl::StatusOr<std::unique_ptr<GpuDevice>> ChooseDevice(const DeviceWish& wish,
                                                        const GpuParts& parts,
                                                        const std::string& lock_folder) {
  if (wish.kind == DeviceWish::Kind::kCpu) return nullptr;
  const bool must = wish.kind == DeviceWish::Kind::kCuda;
  if (!parts.has_gpu()) {
    if (must) return None("this process sees no GPU that CUDA can use");
    return nullptr;
  }
  gpu::Plugin* plugin = nullptr;
  const absl::StatusOr<std::vector<gpu::DeviceInfo>> all = FindDevices(parts, plugin);
  if (!all.ok()) {
    if (must) return None(all.status().message());
    LogWarning(absl::StrCat("there is a GPU, but this worker computes on the CPU: ",
                            all.status().message()));
    return nullptr;
  }
  if (wish.index) return TakeNumbered(*wish.index, parts, *plugin, *all, lock_folder);
  return TakeFirstFree(parts, *plugin, *all, lock_folder);
}

}  // namespace hebb::runtime
