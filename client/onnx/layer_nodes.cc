// SPDX-License-Identifier: Apache-2.0
#include "client/onnx/layer_nodes.h"

#include <cstdint>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/onnx/graph.h"
#include "common/status_macros.h"

namespace hebb::onnx {
namespace {

using Dims = std::vector<int64_t>;

std::string Text(const Dims& dims) { return absl::StrCat("[", absl::StrJoin(dims, ", "), "]"); }

struct LayerNodes {
  const spec::Layer& layer;
  const spec::ResolvedLayer& resolved;
  std::vector<Value> inputs;
  const Tensors& tensors;
  ::onnx::GraphProto& graph;

  // ---- the kinds of layers ---------------------------------------------------------------------

  absl::StatusOr<Value> operator()(const spec::Conv& conv) {
    // A second stage may have untied it: the weights tell.
    const auto weight = tensors.find(Name("weight"));
    const bool untied = weight != tensors.end() && weight->second->shape.size() == 6;
    HEBB_ASSIGN_OR_RETURN(const std::string field, untied ? Untied(conv) : Tied(conv));
    return Value{Activated(conv.activation, field)};
  }

  absl::StatusOr<Value> operator()(const spec::Dense& dense) {
    std::vector<std::string> from = {Flat(inputs[0])};
    HEBB_ASSIGN_OR_RETURN(from.emplace_back(),
                          Take("weight", {dense.units, resolved.input.size()}));
    if (dense.bias) {
      HEBB_ASSIGN_OR_RETURN(from.emplace_back(), Take("bias", {dense.units}));
    }
    const std::string field = AddNode(graph, "Gemm", Name("dense"), from);
    SetInt(graph, "transB", 1);
    return Value{Activated(dense.activation, field), /*flat=*/true};
  }

  absl::StatusOr<Value> operator()(const spec::MaxPool& pool) {
    std::string image = Image(inputs[0]);
    // Overlapping windows hang over zeros that take part in the maximum; ONNX's padding does not.
    const bool zeros = StrideOf(pool) < pool.size;
    if (zeros) image = Padded(image);
    const std::string pooled = AddNode(graph, "MaxPool", Name("max_pool"), {image});
    SetWindow(pool.size, StrideOf(pool), /*pads=*/!zeros);
    return Value{pooled};
  }

  absl::StatusOr<Value> operator()(const spec::AvgPool& pool) {
    const std::string image = Image(inputs[0]);
    const std::string pooled = AddNode(graph, "AveragePool", Name("avg_pool"), {image});
    SetWindow(pool.size, StrideOf(pool), /*pads=*/true);
    SetInt(graph, "count_include_pad", 0);
    return Value{pooled};
  }

  absl::StatusOr<Value> operator()(const spec::GlobalAvgPool&) {
    const std::string image = Image(inputs[0]);
    return Value{AddNode(graph, "GlobalAveragePool", Name("mean"), {image})};
  }

  absl::StatusOr<Value> operator()(const spec::BatchNorm& norm) {
    std::vector<std::string> from = {inputs[0].name};
    for (const char* what : {"scale", "shift", "running_mean", "running_var"}) {
      HEBB_ASSIGN_OR_RETURN(from.emplace_back(), Take(what, {resolved.input.channels}));
    }
    const std::string field = AddNode(graph, "BatchNormalization", Name("norm"), from);
    SetFloat(graph, "epsilon", static_cast<float>(norm.epsilon));
    return Value{Activated(norm.activation, field), inputs[0].flat};
  }

  absl::StatusOr<Value> operator()(const spec::Dropout&) { return inputs[0]; }

  absl::StatusOr<Value> operator()(const spec::Add& add) {
    bool flat = true;
    for (const Value& input : inputs) flat &= input.flat;
    std::vector<std::string> from;
    for (size_t i = 0; i < inputs.size(); ++i) {
      from.push_back(flat ? inputs[i].name : Image(inputs[i], absl::StrCat("image", i)));
    }
    const std::string sum = AddNode(graph, "Sum", Name("sum"), from);
    return Value{Activated(add.activation, sum), flat};
  }

  // ---- convolutions ----------------------------------------------------------------------------

  absl::StatusOr<std::string> Tied(const spec::Conv& conv) {
    const int64_t k = conv.kernel;
    std::vector<std::string> from = {Image(inputs[0])};
    HEBB_ASSIGN_OR_RETURN(from.emplace_back(),
                          Take("weight", {conv.filters, resolved.input.channels, k, k}));
    if (conv.bias) {
      HEBB_ASSIGN_OR_RETURN(from.emplace_back(), Take("bias", {conv.filters}));
    }
    std::string field = AddNode(graph, "Conv", Name("conv"), from);
    SetWindow(k, conv.stride, /*pads=*/true);
    return field;
  }

  // ONNX has no such layer: one product a place, of its filters and the pixels that they see.
  absl::StatusOr<std::string> Untied(const spec::Conv& conv) {
    const int64_t k = conv.kernel, filters = conv.filters, channels = resolved.input.channels;
    const int64_t side = resolved.output.height, places = side * side, taps = channels * k * k;
    HEBB_ASSIGN_OR_RETURN(const std::string weight,
                          Take("weight", {side, side, filters, channels, k, k},
                               /*as=*/{places, filters, taps}));
    const std::string seen = Seen(conv);  // [places, taps, batch]
    std::string field = AddNode(graph, "MatMul", Name("products"), {weight, seen});
    if (conv.bias) {
      HEBB_ASSIGN_OR_RETURN(const std::string bias,
                            Take("bias", {side, side, filters}, /*as=*/{places, filters, 1}));
      field = AddNode(graph, "Add", Name("fields"), {field, bias});
    }
    field = AddNode(graph, "Transpose", Name("by_image"), {field});
    SetInts(graph, "perm", {2, 1, 0});  // [batch, filters, places]
    return Reshaped("conv", field, {0, 0, side, side});
  }

  // [places, channels x taps, batch]: the pixels that each place's filters see.
  std::string Seen(const spec::Conv& conv) {
    const int64_t k = conv.kernel, channels = resolved.input.channels;
    const int64_t side = resolved.output.height, places = side * side;
    const int64_t width = resolved.input.width + resolved.pad_before + resolved.pad_after;
    Dims pixels;
    for (int64_t y = 0; y < side; ++y) {
      for (int64_t x = 0; x < side; ++x) {
        for (int64_t tap = 0; tap < k * k; ++tap) {
          const int64_t row = y * conv.stride + tap / k, column = x * conv.stride + tap % k;
          pixels.push_back(row * width + column);
        }
      }
    }
    const std::string index = AddInts(graph, Name("pixels"), {places, k * k}, pixels);
    const std::string rows = Reshaped("rows", Padded(Image(inputs[0])), {0, 0, width * width});
    const std::string gathered = AddNode(graph, "Gather", Name("gathered"), {rows, index});
    SetInt(graph, "axis", 2);  // [batch, channels, places, taps]
    const std::string by_place = AddNode(graph, "Transpose", Name("by_place"), {gathered});
    SetInts(graph, "perm", {2, 1, 3, 0});
    return Reshaped("seen", by_place, {places, channels * k * k, -1});
  }

  // ---- parts -----------------------------------------------------------------------------------

  std::string Name(absl::string_view what) const { return absl::StrCat(layer.name, ".", what); }

  // The layer's tensor of that name and shape, written as one of the shape `as`.
  absl::StatusOr<std::string> Take(absl::string_view what, const Dims& shape, const Dims& as = {}) {
    const auto found = tensors.find(Name(what));
    if (found == tensors.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", Name(what), " is missing; export the weights of this very job"));
    }
    const weights::Tensor& tensor = *found->second;
    if (tensor.shape != shape) {
      return absl::InvalidArgumentError(absl::StrCat("tensor ", tensor.name, " is ",
                                                     Text(tensor.shape), " and not ", Text(shape),
                                                     "; export the weights of this very job"));
    }
    return AddFloats(graph, tensor.name, as.empty() ? shape : as, tensor.values);
  }

  std::string Scalar(absl::string_view what, float value) {
    return AddFloats(graph, Name(what), {}, {&value, 1});
  }

  std::string Activated(spec::Activation activation, const std::string& field) {
    switch (activation) {
      case spec::Activation::kNone:
        return field;
      case spec::Activation::kTanh:
        return AddNode(graph, "Tanh", Name("tanh"), {field});
      case spec::Activation::kRelu:
        return AddNode(graph, "Relu", Name("relu"), {field});
      case spec::Activation::kSigmoid:
        return AddNode(graph, "Sigmoid", Name("sigmoid"), {field});
      case spec::Activation::kRamp:
        break;
    }
    const std::string half = AddNode(graph, "Mul", Name("half"), {field, Scalar("slope", 0.5f)});
    return AddNode(graph, "Clip", Name("ramp"), {half, Scalar("low", -1), Scalar("high", 1)});
  }

  std::string Reshaped(absl::string_view what, const std::string& from, const Dims& dims) {
    const std::string shape = AddInts(graph, absl::StrCat(Name(what), "_shape"),
                                      {static_cast<int64_t>(dims.size())}, dims);
    return AddNode(graph, "Reshape", Name(what), {from, shape});
  }

  std::string Image(const Value& value, absl::string_view what = "image") {
    return value.flat ? Reshaped(what, value.name, {0, 0, 1, 1}) : value.name;
  }

  std::string Flat(const Value& value) {
    if (value.flat) return value.name;
    return AddNode(graph, "Flatten", Name("flat"), {value.name});  // channels, height, width
  }

  // The image with the layer's zeros around it.
  std::string Padded(const std::string& image) {
    const int64_t before = resolved.pad_before, after = resolved.pad_after;
    if (before == 0 && after == 0) return image;
    const Dims pads = {0, 0, before, before, 0, 0, after, after};
    return AddNode(graph, "Pad", Name("padded"), {image, AddInts(graph, Name("pads"), {8}, pads)});
  }

  template <typename Pool>
  static int64_t StrideOf(const Pool& pool) {
    return pool.stride == 0 ? pool.size : pool.stride;
  }

  // Of the node that was added last; `pads`: it pads by itself.
  void SetWindow(int64_t size, int64_t stride, bool pads) {
    const int64_t before = resolved.pad_before, after = resolved.pad_after;
    SetInts(graph, "kernel_shape", {size, size});
    SetInts(graph, "strides", {stride, stride});
    if (pads) SetInts(graph, "pads", {before, before, after, after});
  }
};

}  // namespace

absl::StatusOr<Value> AddLayer(const spec::Layer& layer, const spec::ResolvedLayer& resolved,
                               std::vector<Value> inputs, const Tensors& tensors,
                               ::onnx::GraphProto& graph) {
  LayerNodes nodes{layer, resolved, std::move(inputs), tensors, graph};
  return std::visit([&](const auto& op) { return nodes(op); }, layer.op);
}

}  // namespace hebb::onnx
