// SPDX-License-Identifier: Apache-2.0
// The report as JSON, and where its GPU and its MPI world come from.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/runtime/conformance.h"
#include "worker/runtime/identity.h"
#include "worker/runtime/own_rendezvous.h"

namespace hebb::runtime {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

using Fields = google::protobuf::Struct;
using Results = std::vector<ConformanceResult>;

void Put(Fields& into, const std::string& key, const std::string& value) {
  (*into.mutable_fields())[key].set_string_value(value);
}
void Put(Fields& into, const std::string& key, double value) {
  (*into.mutable_fields())[key].set_number_value(value);
}

void Append(Results more, Results& all) {
  for (ConformanceResult& result : more) all.push_back(std::move(result));
}

struct Gpu {
  gpu::Plugin* plugin = nullptr;
  gpu::DeviceInfo info;
};

// The first that this process sees.
absl::StatusOr<Gpu> FindGpu(const GpuParts& parts) {
  if (!parts.has_gpu()) {
    return absl::NotFoundError("this process sees no GPU that CUDA can use");
  }
  Gpu gpu;
  HEBB_ASSIGN_OR_RETURN(const std::vector<gpu::DeviceInfo> all, FindDevices(parts, gpu.plugin));
  gpu.info = all.front();
  return gpu;
}

Results CompareAll(const absl::StatusOr<Gpu>& gpu, const GpuParts& parts, uint64_t seed) {
  const engine::EngineMaker on_gpu =
      [&](const engine::EngineOptions& options) -> absl::StatusOr<std::unique_ptr<engine::Engine>> {
    HEBB_ASSIGN_OR_RETURN(std::shared_ptr<gpu::Ops> ops, gpu->plugin->MakeOps(gpu->info.index));
    return parts.make_engine(options, std::move(ops));
  };
  Results results = CompareProducts(seed);
  Append(CompareEngines(ConformanceCases(), engine::CreateCpuEngine, gpu.ok() ? &on_gpu : nullptr,
                        seed),
         results);
  for (const int ranks : {2, 4}) {
    OwnRendezvous rendezvous;
    Append(CompareSums("gloo", ranks, GlooRanks(kLoopback, rendezvous, ranks), seed), results);
  }
  if (gpu.ok()) Append(CompareNcclSums(*gpu->plugin, seed), results);
  return results;
}

void Add(const ConformanceResult& result, google::protobuf::ListValue& list) {
  Fields& fields = *list.add_values()->mutable_struct_value();
  Put(fields, "group", result.group);
  Put(fields, "name", result.name);
  Put(fields, "worst", result.worst);
  // Not a number, nor infinity: JSON has neither.
  Put(fields, "difference", std::min(result.difference, 1e9));
  Put(fields, "limit", result.limit);
  Put(fields, "error", result.error);
  Put(fields, "skipped", result.skipped);
  (*fields.mutable_fields())["conforms"].set_bool_value(result.conforms());
}

ConformanceReport ReportOf(const Results& results, Fields all) {
  google::protobuf::ListValue& list = *(*all.mutable_fields())["results"].mutable_list_value();
  for (const ConformanceResult& result : results) Add(result, list);
  ConformanceReport report;
  report.conforms = std::all_of(results.begin(), results.end(),
                                [](const ConformanceResult& r) { return r.conforms(); });
  if (!google::protobuf::util::MessageToJsonString(all, &report.json).ok()) report.json = "{}";
  return report;
}

// One of the processes that mpirun or srun has started.
ConformanceReport CheckWorld(Fields all, uint64_t seed) {
  absl::StatusOr<std::unique_ptr<comm::MpiWorld>> world = comm::MpiWorld::Init();
  if (!world.ok()) {
    return ReportOf({{"mpi", "all", "", 0, 0, std::string(world.status().message()), ""}},
                    std::move(all));
  }
  const Results results = CompareWorldSums(**world, seed);
  ConformanceReport report = ReportOf(results, std::move(all));
  if ((*world)->rank() != 0) report.json.clear();
  // The end of a broken world would wait for ranks that are gone (mpi_communicator.h): it is left
  // behind, and mpirun ends the others with this process.
  if (!results.front().error.empty()) static_cast<void>(world->release());
  return report;
}

}  // namespace

ConformanceReport CheckConformance(const GpuParts& parts, uint64_t seed) {
  Fields all;
  Put(all, "build", BuildId());
  Put(all, "seed", std::to_string(seed));
  Put(all, "cpu", engine::CpuKernelFamily());
  Put(all, "mpi", comm::MpiVersion());
  if (comm::MpiWorld::Launched()) return CheckWorld(std::move(all), seed);
  const absl::StatusOr<Gpu> gpu = FindGpu(parts);
  Put(all, "gpu", gpu.ok() ? gpu->info.name : "");
  Put(all, "no_gpu", std::string(gpu.status().message()));
  return ReportOf(CompareAll(gpu, parts, seed), std::move(all));
}

}  // namespace hebb::runtime
