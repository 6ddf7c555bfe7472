// SPDX-License-Identifier: Apache-2.0
// The model is one by ONNX's own checker, and its shape inference finds the shapes that Hebb has.
// That it computes the same: tests/e2e/onnx_test.sh.
#include "client/onnx/forward.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/shape_inference/implementation.h>

#include <map>

#include "common/spec/parse.h"
#include "common/spec/shapes.h"

namespace hebb::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kEveryKind[] = R"(
dataset: {name: cifar10, normalize: standard}
network:
  layers:
    - {name: a, conv: {filters: 4, kernel: 3, stride: 2, bias: true}}
    - {name: b, conv: {filters: 4, kernel: 3, untied: true, bias: true, activation: tanh}}
    - {name: drop, dropout: {rate: 0.5}}
    - {name: sum, inputs: [a, drop], add: {activation: relu}}
    - {name: top, max_pool: {size: 3, stride: 2}}
    - {name: norm, batch_norm: {activation: sigmoid}}
    - {name: mean, avg_pool: {size: 2}}
    - {name: all, global_avg_pool: {}}
    - {name: dense, dense: {units: 4}}
    - {name: mixed, inputs: [all, dense], add: {}}
    - {name: out, dense: {units: 10, activation: none, bias: true}}
learning: {rule: bp}
)";

spec::Job Parsed(const char* yaml) {
  const auto job = spec::ParseJob(yaml, "job.yaml", {});
  EXPECT_TRUE(job.ok()) << job.status();
  return job.value();
}

// Tensors as training makes them for kEveryKind, all 0.
weights::TensorFile Weights() {
  const std::map<std::string, std::vector<int64_t>> shapes = {
      {"a.weight", {4, 3, 3, 3}}, {"a.bias", {4}},           {"b.weight", {16, 16, 4, 4, 3, 3}},
      {"b.bias", {16, 16, 4}},    {"norm.scale", {4}},       {"norm.shift", {4}},
      {"norm.running_mean", {4}}, {"norm.running_var", {4}}, {"dense.weight", {4, 4}},
      {"out.weight", {10, 4}},    {"out.bias", {10}}};
  weights::TensorFile file;
  for (const auto& [name, shape] : shapes) {
    size_t size = 1;
    for (int64_t dim : shape) size *= static_cast<size_t>(dim);
    file.tensors.push_back({name, shape, std::vector<float>(size)});
  }
  file.metadata = {{"weights_digest", "abc"}};
  return file;
}

::onnx::ModelProto Exported(const spec::Job& job, const weights::TensorFile& file) {
  const auto bytes = SerializeForward(job, file, "1.2.3");
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  ::onnx::ModelProto model;
  EXPECT_TRUE(bytes.ok() && model.ParseFromString(*bytes));
  return model;
}

std::vector<int64_t> DimsOf(const ::onnx::ValueInfoProto& value) {
  std::vector<int64_t> dims;  // -1: any
  for (const auto& dim : value.type().tensor_type().shape().dim()) {
    dims.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
  }
  return dims;
}

TEST(ForwardTest, IsAModelByOnnxsOwnChecker) {
  ::onnx::ModelProto model = Exported(Parsed(kEveryKind), Weights());
  EXPECT_NO_THROW(::onnx::checker::check_model(model));
  EXPECT_EQ(model.producer_version(), "1.2.3");
  ASSERT_EQ(model.metadata_props_size(), 1);
  EXPECT_EQ(model.metadata_props(0).value(), "abc");
  ASSERT_EQ(model.graph().input_size(), 1);
  EXPECT_EQ(model.graph().input(0).name(), "input");
  EXPECT_THAT(DimsOf(model.graph().input(0)), ElementsAre(-1, 3, 32, 32));
  ASSERT_EQ(model.graph().output_size(), 1);
  EXPECT_EQ(model.graph().output(0).name(), "logits");
  EXPECT_THAT(DimsOf(model.graph().output(0)), ElementsAre(-1, 10));
}

TEST(ForwardTest, LayersHaveTheShapesThatHebbGivesThem) {
  const spec::Job job = Parsed(kEveryKind);
  ::onnx::ModelProto model = Exported(job, Weights());
  model.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(7);
  const ::onnx::ShapeInferenceOptions strict(/*check_type=*/true, /*strict=*/1,
                                             /*data_prop=*/true);
  ASSERT_NO_THROW(
      ::onnx::shape_inference::InferShapes(model, ::onnx::OpSchemaRegistry::Instance(), strict));
  std::map<std::string, std::vector<int64_t>> found;
  for (const auto& value : model.graph().value_info()) found[value.name()] = DimsOf(value);
  EXPECT_THAT(found["input.scaled"], ElementsAre(7, 3, 32, 32));
  EXPECT_THAT(found["a.ramp"], ElementsAre(7, 4, 16, 16));
  EXPECT_THAT(found["b.tanh"], ElementsAre(7, 4, 16, 16));
  EXPECT_THAT(found["sum.relu"], ElementsAre(7, 4, 16, 16));
  EXPECT_THAT(found["top.max_pool"], ElementsAre(7, 4, 8, 8));
  EXPECT_THAT(found["norm.sigmoid"], ElementsAre(7, 4, 8, 8));
  EXPECT_THAT(found["mean.avg_pool"], ElementsAre(7, 4, 4, 4));
  EXPECT_THAT(found["all.mean"], ElementsAre(7, 4, 1, 1));
  EXPECT_THAT(found["dense.ramp"], ElementsAre(7, 4));
  EXPECT_THAT(found["mixed.sum"], ElementsAre(7, 4, 1, 1));
}

TEST(ForwardTest, TensorsOfAnotherNetworkAreRefused) {
  weights::TensorFile file = Weights();
  file.tensors[0].shape = {2};
  auto result = SerializeForward(Parsed(kEveryKind), file, "1");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("tensor a.bias is [2] and not [4]"));
  file.tensors.erase(file.tensors.begin());
  result = SerializeForward(Parsed(kEveryKind), file, "1");
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("tensor a.bias is missing"));
}

TEST(ForwardTest, AConvolutionThatTheSecondStageUntiedIsToldByItsWeights) {
  weights::TensorFile file = Weights();
  for (weights::Tensor& tensor : file.tensors) {
    if (tensor.name == "a.weight") tensor = {"a.weight", {16, 16, 4, 3, 3, 3}, {}};
    if (tensor.name == "a.bias") tensor = {"a.bias", {16, 16, 4}, {}};
  }
  const ::onnx::ModelProto model = Exported(Parsed(kEveryKind), file);
  bool products = false;
  for (const auto& node : model.graph().node()) products |= node.name() == "a.products";
  EXPECT_TRUE(products);
}

}  // namespace
}  // namespace hebb::onnx
