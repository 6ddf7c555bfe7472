// SPDX-License-Identifier: Apache-2.0
#include "client/onnx/forward.h"

#include <onnx/onnx_pb.h>

#include <array>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/onnx/graph.h"
#include "client/onnx/layer_nodes.h"
#include "common/spec/shapes.h"
#include "common/status_macros.h"

namespace hebb::onnx {
namespace {

constexpr int64_t kOpset = 13;
constexpr int64_t kIrVersion = 7;  // of the same release (1.8), which every runtime in use reads

constexpr const char* kInput = "input";  // as in job files; no layer may be called so
constexpr const char* kOutput = "logits";

// (pixel / 255 - mean) / deviation, as docs/job_file.md has it; steps that change nothing are left
// out.
absl::StatusOr<Value> AddScaling(const spec::Dataset& dataset, int64_t channels,
                                 ::onnx::GraphProto& graph) {
  HEBB_ASSIGN_OR_RETURN(const spec::PixelMoments scaling, spec::ScalingOf(dataset));
  std::string pixels = AddNode(graph, "Cast", "input.float", {kInput});
  SetInt(graph, "to", ::onnx::TensorProto::FLOAT);
  const float most = 255;
  pixels =
      AddNode(graph, "Div", "input.unit", {pixels, AddFloats(graph, "input.most", {}, {&most, 1})});
  if (dataset.normalize == spec::Normalize::kUnit) return Value{pixels};
  const auto constant = [&](const char* name, const std::array<double, 3>& of_channels) {
    const std::vector<float> values(of_channels.begin(), of_channels.begin() + channels);
    return AddFloats(graph, name, {channels, 1, 1}, values);
  };
  pixels = AddNode(graph, "Sub", "input.centred", {pixels, constant("input.mean", scaling.mean)});
  return Value{AddNode(graph, "Div", "input.scaled",
                       {pixels, constant("input.deviation", scaling.deviation)})};
}

// The last layer puts out what the losses take: its field, also where the file writes `sigmoid`.
spec::Network WithPlainOutputs(spec::Network network) {
  if (auto* last = std::get_if<spec::Dense>(&network.layers.back().op); last != nullptr) {
    last->activation = spec::Activation::kNone;
  }
  return network;
}

absl::Status AddNetwork(const spec::Job& job, const spec::DatasetFacts& facts,
                        const Tensors& tensors, ::onnx::GraphProto& graph) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<spec::ResolvedLayer> resolved,
                        spec::ResolveNetwork(job.network, facts));
  const spec::Network network = WithPlainOutputs(job.network);
  HEBB_ASSIGN_OR_RETURN(const Value image, AddScaling(job.dataset, facts.image.channels, graph));
  std::vector<Value> outputs;
  for (size_t i = 0; i < resolved.size(); ++i) {
    std::vector<Value> inputs;
    for (int input : resolved[i].inputs) inputs.push_back(input < 0 ? image : outputs[input]);
    HEBB_ASSIGN_OR_RETURN(outputs.emplace_back(), AddLayer(network.layers[i], resolved[i],
                                                           std::move(inputs), tensors, graph));
  }
  graph.mutable_node(graph.node_size() - 1)->set_output(0, kOutput);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> SerializeForward(const spec::Job& job, const weights::TensorFile& file,
                                             absl::string_view version) {
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(job.dataset));
  ::onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.add_opset_import()->set_version(kOpset);
  model.set_producer_name("hebb");
  model.set_producer_version(version.data(), version.size());
  for (const auto& [key, value] : file.metadata) {
    ::onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }

  ::onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name(job.name);
  const spec::Shape& image = facts.image;
  Declare(*graph.add_input(), kInput, ::onnx::TensorProto::UINT8,
          {image.channels, image.height, image.width}, "pixels, 0 to 255, as in the data set");
  Declare(*graph.add_output(), kOutput, ::onnx::TensorProto::FLOAT, {facts.classes},
          "the last layer's plain outputs; the largest is the answer");
  Tensors tensors;
  for (const weights::Tensor& tensor : file.tensors) tensors.emplace(tensor.name, &tensor);
  HEBB_RETURN_IF_ERROR(AddNetwork(job, facts, tensors, graph));

  if (const size_t bytes = model.ByteSizeLong(); bytes > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has ", bytes,
                     " bytes and ONNX holds less than 2 GiB in one file; "
                     "use --format safetensors"));
  }
  return model.SerializeAsString();
}

}  // namespace hebb::onnx
