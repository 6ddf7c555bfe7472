// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/self_check.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <map>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"
#include "worker/comm/gloo_communicator.h"
#include "worker/comm/mpi_communicator.h"
#include "worker/engine/engine.h"
#include "worker/runtime/identity.h"
#include "worker/runtime/own_rendezvous.h"

namespace hebb::runtime {
namespace {

using Fields = google::protobuf::Struct;

void Put(Fields& into, const std::string& key, const std::string& value) {
  (*into.mutable_fields())[key].set_string_value(value);
}

void Put(Fields& into, const std::string& key, double value) {
  (*into.mutable_fields())[key].set_number_value(value);
}

Fields& Section(Fields& into, const std::string& key) {
  return *(*into.mutable_fields())[key].mutable_struct_value();
}

// Every rank adds its number plus one.
absl::Status SumRanks(comm::ConnectableCommunicator& communicator, absl::Time deadline) {
  HEBB_RETURN_IF_ERROR(communicator.Connect(deadline));
  const auto [rank, size] = communicator.topology();
  std::array<float, 1> sum = {static_cast<float>(rank + 1)};
  HEBB_RETURN_IF_ERROR(communicator.AllReduce(sum, deadline));
  const float expected = static_cast<float>(size) * static_cast<float>(size + 1) / 2;
  if (sum[0] == expected) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the sum is ", sum[0], ", not ", expected));
}

absl::Status SumOverGloo(const std::string& host, absl::Time deadline) {
  OwnRendezvous rendezvous;
  std::array<absl::Status, 2> ended;
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < 2; ++rank) {
    ranks.emplace_back([&, rank] {
      const auto communicator =
          comm::MakeGlooCommunicator({host, "self-check/1/1"}, {rank, 2}, rendezvous);
      ended[rank] = SumRanks(*communicator, deadline);
    });
  }
  for (std::thread& rank : ranks) rank.join();
  return ended[0].ok() ? ended[1] : ended[0];
}

absl::Status SumOverWorld(comm::MpiWorld& world, absl::Time deadline) {
  comm::MpiOptions options;
  options.generation = "self-check/1/1";
  options.world_ranks.resize(world.size());
  std::iota(options.world_ranks.begin(), options.world_ranks.end(), 0);
  return SumRanks(*comm::MakeMpiCommunicator(options, world), deadline);
}

// `error`: "" when all is well.
void PutOutcome(Fields& into, const absl::Status& status, absl::Duration took) {
  Put(into, "error", std::string(status.message()));
  Put(into, "milliseconds", absl::ToDoubleMilliseconds(took));
}

void DescribeBuild(Fields& into) {
  Put(into, "build", BuildId());
  Put(into, "kernel_family", engine::CpuKernelFamily());
  Put(into, "cores", AvailableCores());
  Fields& libraries = Section(into, "libraries");
  for (const auto& [name, version] : engine::CpuLibraries()) Put(libraries, name, version);
  Put(libraries, "gloo", comm::GlooVersion());
  Put(libraries, "MPI", comm::MpiVersion());
}

// What the first of them computes with.
absl::Status DescribeFirst(gpu::Plugin& plugin, const gpu::DeviceInfo& info, Fields& into) {
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<gpu::Ops> ops, plugin.MakeOps(info.index));
  HEBB_ASSIGN_OR_RETURN(const gpu::MemoryInfo memory, ops->memory());
  Put(into, "kernel_family", ops->kernel_family());
  Put(into, "memory_free", static_cast<double>(memory.free));
  Fields& libraries = Section(into, "libraries");
  for (const auto& [name, version] : ops->libraries()) Put(libraries, name, version);
  Put(libraries, "NCCL", plugin.nccl_version());
  return absl::OkStatus();
}

absl::Status DescribeGpus(const GpuParts& parts, Fields& into) {
  HEBB_ASSIGN_OR_RETURN(gpu::Plugin* const plugin, parts.open_plugin());
  HEBB_ASSIGN_OR_RETURN(const std::vector<gpu::DeviceInfo> devices, plugin->Devices());
  if (devices.empty()) return absl::NotFoundError("the driver counts a GPU, but CUDA sees none");
  auto& list = *(*into.mutable_fields())["devices"].mutable_list_value();
  for (const gpu::DeviceInfo& device : devices) {
    Fields& each = *list.add_values()->mutable_struct_value();
    Put(each, "name", device.name);
    Put(each, "uuid", device.uuid);
    Put(each, "memory", static_cast<double>(device.memory));
  }
  return DescribeFirst(*plugin, devices.front(), into);
}

// The world, which must live until all its ranks are done; null outside of one.
std::unique_ptr<comm::MpiWorld> CheckWorld(absl::Duration limit, Fields& into) {
  if (!comm::MpiWorld::Launched()) return nullptr;
  Fields& section = Section(into, "mpi_world");
  const absl::Time begin = SteadyNow();
  absl::StatusOr<std::unique_ptr<comm::MpiWorld>> world = comm::MpiWorld::Init();
  absl::Status status = world.status();
  if (world.ok()) {
    Put(section, "size", (*world)->size());
    status = SumOverWorld(**world, SteadyNow() + limit);
  }
  PutOutcome(section, status, SteadyNow() - begin);
  return world.ok() ? *std::move(world) : nullptr;
}

}  // namespace

std::string SelfCheck(const std::string& host, absl::Duration limit, const GpuParts& gpus) {
  Fields all;
  DescribeBuild(all);
  const std::unique_ptr<comm::MpiWorld> world = CheckWorld(limit, all);
  if (world != nullptr && world->rank() != 0) return "";
  const absl::Time begin = SteadyNow();
  const absl::Status gloo = SumOverGloo(host, begin + limit);
  PutOutcome(Section(all, "gloo"), gloo, SteadyNow() - begin);
  if (gpus.has_gpu()) {
    Fields& section = Section(all, "gpu");
    Put(section, "error", std::string(DescribeGpus(gpus, section).message()));
  }
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(all, &json).ok()) return "{}";
  return json;
}

}  // namespace hebb::runtime
