// SPDX-License-Identifier: Apache-2.0
// What a graph of ONNX is put together with.
#ifndef HEBB_CLIENT_ONNX_GRAPH_H_
#define HEBB_CLIENT_ONNX_GRAPH_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hebb::onnx {

// Each adds to `graph` and returns the name of the value. Names are the caller's to keep apart.
// A node with one output, which bears its name, as that of the last node of `graph` until another
// is added.
std::string AddNode(::onnx::GraphProto& graph, const char* op, std::string name,
                    const std::vector<std::string>& inputs);
// Constants, row-major; `dims` {} is a scalar.
std::string AddFloats(::onnx::GraphProto& graph, std::string name, const std::vector<int64_t>& dims,
                      std::span<const float> values);
std::string AddInts(::onnx::GraphProto& graph, std::string name, const std::vector<int64_t>& dims,
                    std::span<const int64_t> values);

// Attributes of the node that was added last.
void SetInt(::onnx::GraphProto& graph, const char* attribute, int64_t value);
void SetFloat(::onnx::GraphProto& graph, const char* attribute, float value);
void SetInts(::onnx::GraphProto& graph, const char* attribute, const std::vector<int64_t>& values);

// The declaration of an input or an output: [batch, dims...], any batch.
void Declare(::onnx::ValueInfoProto& value, const char* name, ::onnx::TensorProto::DataType type,
             const std::vector<int64_t>& dims, const char* meaning);

}  // namespace hebb::onnx

#endif  // HEBB_CLIENT_ONNX_GRAPH_H_
