// SPDX-License-Identifier: Apache-2.0
// One layer of a network as nodes of ONNX; forward.cc walks the network with it.
#ifndef HEBB_CLIENT_ONNX_LAYER_NODES_H_
#define HEBB_CLIENT_ONNX_LAYER_NODES_H_

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"

namespace hebb::onnx {

// What a layer puts out: float32 [batch, units] or [batch, channels, height, width].
struct Value {
  std::string name;
  bool flat = false;  // the former
};

using Tensors = std::map<std::string, const weights::Tensor*>;

// Adds the layer's nodes and constants to `graph`, their names beginning with "<layer>." (a dot is
// in no layer's name). INVALID_ARGUMENT: a tensor is missing or has another shape than the layer.
absl::StatusOr<Value> AddLayer(const spec::Layer& layer, const spec::ResolvedLayer& resolved,
                               std::vector<Value> inputs, const Tensors& tensors,
                               ::onnx::GraphProto& graph);

}  // namespace hebb::onnx

#endif  // HEBB_CLIENT_ONNX_LAYER_NODES_H_
