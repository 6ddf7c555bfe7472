// SPDX-License-Identifier: Apache-2.0
#include "server/web/job_views.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "common/rpc/message_json.h"
#include "common/rpc/spec.h"
#include "server/web/answer.h"
#include "server/web/calls.h"
#include "server/web/filters.h"

namespace hebb::web {
namespace {

using Json = nlohmann::ordered_json;
using metrics::HttpRequest;
using metrics::HttpResponse;

constexpr int64_t kTail = 500;
constexpr int64_t kTailMax = 5000;
constexpr int64_t kFilters = 64;
constexpr int64_t kFiltersMax = 256;

HttpResponse Answer(const absl::StatusOr<Json>& json) {
  return json.ok() ? JsonAnswer(*json) : ErrorAnswer(json.status());
}

absl::StatusOr<Json> ReadLog(rpc::LocalCalls& calls, const HttpRequest& http,
                             const std::string& job) {
  v1::LogsRequest request;
  HEBB_RETURN_IF_ERROR(ReadQuery(http.query, request));
  if (request.follow()) {
    return absl::InvalidArgumentError("follow is not served here; ask again for the last lines");
  }
  request.set_job(job);
  request.set_tail(request.tail() <= 0 ? kTail : std::min(request.tail(), kTailMax));
  grpc::ClientContext context;
  HEBB_RETURN_IF_ERROR(calls.Admit("/hebb.v1.Jobs/Logs", CallerOf(http), context));
  const auto reader = calls.jobs().Logs(&context, request);
  Json lines = Json::array();
  v1::LogLine line;
  // More may come while it is read; what was asked for is enough.
  while (static_cast<int64_t>(lines.size()) < request.tail() && reader->Read(&line)) {
    lines.push_back(rpc::ToJson(line));
  }
  const bool enough = static_cast<int64_t>(lines.size()) == request.tail();
  if (enough) context.TryCancel();
  const absl::Status status = rpc::FromGrpc(reader->Finish());
  if (!status.ok() && !enough) return status;
  return Json{{"lines", std::move(lines)}};
}

absl::StatusOr<std::vector<spec::LayerSummary>> LayersOf(rpc::LocalCalls& calls,
                                                         const HttpRequest& http,
                                                         const std::string& job) {
  v1::JobRequest request;
  request.set_job(job);
  HEBB_ASSIGN_OR_RETURN(const v1::Job found,
                        Call(calls, http, calls.jobs(), "Jobs/Get", &v1::Jobs::Stub::Get, request));
  HEBB_ASSIGN_OR_RETURN(const spec::Job spec, rpc::SpecFromProto(found.spec()));
  return spec::Summarize(spec);
}

absl::StatusOr<Json> ReadLayers(rpc::LocalCalls& calls, const HttpRequest& http,
                                const std::string& job) {
  HEBB_ASSIGN_OR_RETURN(const auto layers, LayersOf(calls, http, job));
  Json list = Json::array();
  for (const spec::LayerSummary& layer : layers) {
    list.push_back({{"name", layer.name},
                    {"kind", layer.kind},
                    {"inputs", layer.inputs},
                    {"output", {layer.output.channels, layer.output.height, layer.output.width}},
                    {"parameters", layer.parameters},
                    {"has_weights", layer.has_weights}});
  }
  return Json{{"layers", std::move(list)}};
}

// Reads the checkpoint as far as `layer`'s tensors reach, then lets go of it.
absl::StatusOr<Json> ReadMatrices(rpc::LocalCalls& calls, const HttpRequest& http,
                                  const std::string& job, const spec::LayerSummary& layer,
                                  int64_t most) {
  v1::JobRequest request;
  request.set_job(job);
  grpc::ClientContext context;
  HEBB_RETURN_IF_ERROR(calls.Admit("/hebb.v1.Jobs/DownloadCheckpoint", CallerOf(http), context));
  const auto reader = calls.jobs().DownloadCheckpoint(&context, request);
  v1::Chunk chunk;
  if (!reader->Read(&chunk)) return rpc::FromGrpc(reader->Finish());
  const v1::CheckpointId id = chunk.checkpoint();
  const std::vector<std::string> names = {layer.name + ".weight", layer.name + ".feedback"};
  TensorPicker picker(names, chunk.total_bytes());
  absl::StatusOr<bool> all = false;
  do {
    all = picker.Take(chunk.data());
  } while (all.ok() && !*all && reader->Read(&chunk));
  context.TryCancel();
  const absl::Status status = rpc::FromGrpc(reader->Finish());
  HEBB_RETURN_IF_ERROR(all.status());
  if (!*all) return status.ok() ? absl::DataLossError("the checkpoint ends too early") : status;
  Json matrices = Json::array();
  for (const std::string& name : names) {
    const auto found = picker.tensors().find(name);
    if (found == picker.tensors().end()) continue;
    HEBB_ASSIGN_OR_RETURN(Json matrix, FiltersToJson(found->second, layer, most));
    matrices.push_back(std::move(matrix));
  }
  return Json{{"layer", layer.name},
              {"step", id.step()},
              {"weights_digest", id.weights_digest()},
              {"matrices", std::move(matrices)}};
}

absl::StatusOr<Json> ReadFilters(rpc::LocalCalls& calls, const HttpRequest& http,
                                 const std::string& job) {
  std::string name;
  int64_t most = kFilters;
  for (const auto& [key, value] : http.query) {
    if (key == "layer") {
      name = value;
    } else if (key != "most" || !absl::SimpleAtoi(value, &most) || most < 1) {
      return absl::InvalidArgumentError(
          "filters are asked for with layer=NAME and most=NUMBER, or neither");
    }
  }
  HEBB_ASSIGN_OR_RETURN(const auto layers, LayersOf(calls, http, job));
  HEBB_ASSIGN_OR_RETURN(const spec::LayerSummary layer, FilterLayer(layers, name));
  return ReadMatrices(calls, http, job, layer, std::min(most, kFiltersMax));
}

}  // namespace

HttpResponse LogView(rpc::LocalCalls& calls, const HttpRequest& http, const std::string& job) {
  return Answer(ReadLog(calls, http, job));
}

HttpResponse LayersView(rpc::LocalCalls& calls, const HttpRequest& http, const std::string& job) {
  return Answer(ReadLayers(calls, http, job));
}

HttpResponse FiltersView(rpc::LocalCalls& calls, const HttpRequest& http, const std::string& job) {
  return Answer(ReadFilters(calls, http, job));
}

}  // namespace hebb::web
