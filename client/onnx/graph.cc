// SPDX-License-Identifier: Apache-2.0
#include "client/onnx/graph.h"

#include <bit>
#include <utility>

namespace hebb::onnx {
namespace {

// Raw values in a model are little-endian.
static_assert(std::endian::native == std::endian::little);

template <typename T>
std::string AddConstant(::onnx::GraphProto& graph, ::onnx::TensorProto::DataType type,
                        std::string name, const std::vector<int64_t>& dims,
                        std::span<const T> values) {
  ::onnx::TensorProto& tensor = *graph.add_initializer();
  tensor.set_data_type(type);
  tensor.mutable_dims()->Assign(dims.begin(), dims.end());
  tensor.set_raw_data(values.data(), values.size_bytes());
  tensor.set_name(name);
  return name;
}

::onnx::AttributeProto& AddAttribute(::onnx::GraphProto& graph, const char* name,
                                     ::onnx::AttributeProto::AttributeType type) {
  ::onnx::NodeProto& node = *graph.mutable_node(graph.node_size() - 1);
  ::onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

std::string AddNode(::onnx::GraphProto& graph, const char* op, std::string name,
                    const std::vector<std::string>& inputs) {
  ::onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(op);
  node.set_name(name);
  node.add_output(name);
  for (const std::string& input : inputs) node.add_input(input);
  return name;
}

std::string AddFloats(::onnx::GraphProto& graph, std::string name, const std::vector<int64_t>& dims,
                      std::span<const float> values) {
  return AddConstant(graph, ::onnx::TensorProto::FLOAT, std::move(name), dims, values);
}

std::string AddInts(::onnx::GraphProto& graph, std::string name, const std::vector<int64_t>& dims,
                    std::span<const int64_t> values) {
  return AddConstant(graph, ::onnx::TensorProto::INT64, std::move(name), dims, values);
}

void SetInt(::onnx::GraphProto& graph, const char* attribute, int64_t value) {
  AddAttribute(graph, attribute, ::onnx::AttributeProto::INT).set_i(value);
}

void SetFloat(::onnx::GraphProto& graph, const char* attribute, float value) {
  AddAttribute(graph, attribute, ::onnx::AttributeProto::FLOAT).set_f(value);
}

void SetInts(::onnx::GraphProto& graph, const char* attribute, const std::vector<int64_t>& values) {
  AddAttribute(graph, attribute, ::onnx::AttributeProto::INTS)
      .mutable_ints()
      ->Assign(values.begin(), values.end());
}

void Declare(::onnx::ValueInfoProto& value, const char* name, ::onnx::TensorProto::DataType type,
             const std::vector<int64_t>& dims, const char* meaning) {
  value.set_name(name);
  value.set_doc_string(meaning);
  ::onnx::TypeProto::Tensor& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape()->add_dim()->set_dim_param("batch");
  for (int64_t dim : dims) tensor.mutable_shape()->add_dim()->set_dim_value(dim);
}

}  // namespace hebb::onnx
