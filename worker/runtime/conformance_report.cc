// SPDX-License-Identifier: Apache-2.0
// The report as JSON, and where its GPU comes from.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/runtime/conformance.h"
#include "worker/runtime/identity.h"

namespace hebb::runtime {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

using Fields = google::protobuf::Struct;

void Put(Fields& into, const std::string& key, const std::string& value) {
  (*into.mutable_fields())[key].set_string_value(value);
}
void Put(Fields& into, const std::string& key, double value) {
  (*into.mutable_fields())[key].set_number_value(value);
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

std::vector<ConformanceResult> CompareOn(const Gpu& gpu, const GpuParts& parts, uint64_t seed) {
  const auto make =
      [&](const engine::EngineOptions& options) -> absl::StatusOr<std::unique_ptr<engine::Engine>> {
    HEBB_ASSIGN_OR_RETURN(std::shared_ptr<gpu::Ops> ops, gpu.plugin->MakeOps(gpu.info.index));
    return parts.make_engine(options, std::move(ops));
  };
  return CompareEngines(make, seed);
}

void Add(const ConformanceResult& result, google::protobuf::ListValue& list) {
  Fields& fields = *list.add_values()->mutable_struct_value();
  Put(fields, "name", result.name);
  Put(fields, "worst", result.worst);
  // Not a number, nor infinity: JSON has neither.
  Put(fields, "difference", std::min(result.difference, 1e9));
  Put(fields, "limit", result.limit);
  Put(fields, "error", result.error);
  (*fields.mutable_fields())["conforms"].set_bool_value(result.conforms());
}

}  // namespace

ConformanceReport CheckConformance(const GpuParts& parts, uint64_t seed) {
  Fields all;
  Put(all, "build", BuildId());
  Put(all, "seed", std::to_string(seed));
  Put(all, "cpu", engine::CpuKernelFamily());
  std::vector<ConformanceResult> results = CompareSums(kLoopback, seed);
  const absl::StatusOr<Gpu> gpu = FindGpu(parts);
  Put(all, "gpu", gpu.ok() ? gpu->info.name : "");
  Put(all, "no_gpu", std::string(gpu.status().message()));
  if (gpu.ok()) {
    for (ConformanceResult& result : CompareOn(*gpu, parts, seed)) {
      results.push_back(std::move(result));
    }
  }
  google::protobuf::ListValue& list = *(*all.mutable_fields())["results"].mutable_list_value();
  for (const ConformanceResult& result : results) Add(result, list);
  ConformanceReport report;
  report.conforms = std::all_of(results.begin(), results.end(),
                                [](const ConformanceResult& r) { return r.conforms(); });
  if (!google::protobuf::util::MessageToJsonString(all, &report.json).ok()) report.json = "{}";
  return report;
}

}  // namespace hebb::runtime
