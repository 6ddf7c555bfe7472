// SPDX-License-Identifier: Apache-2.0
// The oracle's geometry: shapes, windows, connections, activations.
#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/engine/oracle/run.h"

namespace hebb::engine {
namespace {

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

spec::Shape Windowed(const spec::Shape& in, int64_t channels, spec::Padding padding, int64_t size,
                     int64_t stride) {
  return {channels, WindowsOf(padding, in.height, size, stride).out,
          WindowsOf(padding, in.width, size, stride).out};
}

spec::Shape ShapeOf(const OracleNode& node) {
  const spec::Shape& in = node.in;
  if (const auto* conv = node.As<spec::Conv>()) {
    return Windowed(in, conv->filters, conv->padding, conv->kernel, conv->stride);
  }
  if (const auto* dense = node.As<spec::Dense>()) return {dense->units, 1, 1};
  if (const auto* pool = node.As<spec::MaxPool>()) {
    return Windowed(in, in.channels, pool->padding, pool->size, pool->stride);
  }
  if (const auto* pool = node.As<spec::AvgPool>()) {
    return Windowed(in, in.channels, pool->padding, pool->size, pool->stride);
  }
  if (node.As<spec::GlobalAvgPool>() != nullptr) return {in.channels, 1, 1};
  return in;
}

std::vector<Connection> DenseConnections(const OracleNode& node) {
  std::vector<Connection> all;
  for (int64_t u = 0; u < node.shape.channels; ++u)
    for (int64_t i = 0; i < node.in.size(); ++i) all.push_back({i, u * node.in.size() + i, u});
  return all;
}

}  // namespace

OracleWindows WindowsOf(spec::Padding padding, int64_t pixels, int64_t size, int64_t stride) {
  if (padding == spec::Padding::kValid) return {(pixels - size) / stride + 1, 0};
  if (padding == spec::Padding::kSymmetric) {
    return {(pixels + 2 * (size / 2) - size) / stride + 1, size / 2};
  }
  // TensorFlow's SAME: the odd one of the padding goes to the end.
  const int64_t out = (pixels + stride - 1) / stride;
  return {out, std::max<int64_t>((out - 1) * stride + size - pixels, 0) / 2};
}

std::vector<OracleNode> OracleNetwork(const spec::Job& job, const spec::DatasetFacts& facts) {
  std::vector<OracleNode> nodes;
  const auto index_of = [&](const std::string& name) {
    for (const OracleNode& node : nodes) {
      if (node.layer->name == name) return node.index;
    }
    return -1;
  };
  for (const spec::Layer& layer : job.network.layers) {
    OracleNode node;
    node.layer = &layer;
    node.index = static_cast<int>(nodes.size());
    for (const std::string& name : layer.inputs) node.inputs.push_back(index_of(name));
    if (layer.inputs.empty()) node.inputs = {node.index - 1};
    node.in = node.inputs[0] < 0 ? facts.image : nodes[node.inputs[0]].shape;
    node.shape = ShapeOf(node);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

int64_t WeightCount(const OracleNode& node) {
  const auto* conv = node.As<spec::Conv>();
  if (conv == nullptr) return node.shape.channels * node.in.size();
  const int64_t bank = conv->filters * node.in.channels * conv->kernel * conv->kernel;
  return conv->untied ? node.places() * bank : bank;
}

int64_t BiasCount(const OracleNode& node) {
  if (const auto* dense = node.As<spec::Dense>()) return dense->bias ? dense->units : 0;
  const auto* conv = node.As<spec::Conv>();
  if (conv == nullptr || !conv->bias) return 0;
  return conv->untied ? node.shape.size() : conv->filters;
}

int64_t FanIn(const OracleNode& node) {
  const auto* conv = node.As<spec::Conv>();
  return conv == nullptr ? node.in.size() : conv->kernel * conv->kernel * node.in.channels;
}

int64_t FanOut(const OracleNode& node) {
  const auto* conv = node.As<spec::Conv>();
  return conv == nullptr ? node.shape.channels : conv->kernel * conv->kernel * conv->filters;
}

std::vector<Connection> ConnectionsOf(const OracleNode& node) {
  const auto* conv = node.As<spec::Conv>();
  if (conv == nullptr) return DenseConnections(node);
  const spec::Shape &in = node.in, &out = node.shape;
  const int64_t k = conv->kernel;
  const int64_t top = WindowsOf(conv->padding, in.height, k, conv->stride).before;
  const int64_t left = WindowsOf(conv->padding, in.width, k, conv->stride).before;
  std::vector<Connection> all;
  for (int64_t o = 0; o < out.channels; ++o)
    for (int64_t y = 0; y < out.height; ++y)
      for (int64_t x = 0; x < out.width; ++x)
        for (int64_t c = 0; c < in.channels; ++c)
          for (int64_t i = 0; i < k; ++i)
            for (int64_t j = 0; j < k; ++j) {
              const int64_t yy = y * conv->stride + i - top, xx = x * conv->stride + j - left;
              if (yy < 0 || yy >= in.height || xx < 0 || xx >= in.width) continue;
              const int64_t filter = conv->untied ? (y * out.width + x) * out.channels + o : o;
              all.push_back({(c * in.height + yy) * in.width + xx,
                             ((filter * in.channels + c) * k + i) * k + j,
                             (o * out.height + y) * out.width + x});
            }
  return all;
}

int64_t BiasIndex(const OracleNode& node, int64_t out) {
  const int64_t channel = out / node.places(), place = out % node.places();
  return node.IsUntied() ? place * node.shape.channels + channel : channel;
}

spec::Activation ActivationOf(const OracleNode& node) {
  if (const auto* conv = node.As<spec::Conv>()) return conv->activation;
  if (const auto* dense = node.As<spec::Dense>()) return dense->activation;
  if (const auto* norm = node.As<spec::BatchNorm>()) return norm->activation;
  if (const auto* add = node.As<spec::Add>()) return add->activation;
  return spec::Activation::kNone;
}

double Activated(spec::Activation activation, double h) {
  switch (activation) {
    case spec::Activation::kRamp:
      return std::clamp(0.5 * h, -1.0, 1.0);
    case spec::Activation::kNone:
      return h;
    case spec::Activation::kTanh:
      return std::tanh(h);
    case spec::Activation::kRelu:
      return std::max(h, 0.0);
    case spec::Activation::kSigmoid:
      return Sigmoid(h);
  }
  return 0;
}

double Slope(spec::Activation activation, double h) {
  switch (activation) {
    case spec::Activation::kRamp:
      return std::abs(0.5 * h) > 1 ? 0.0 : 0.5;
    case spec::Activation::kNone:
      return 1;
    case spec::Activation::kTanh:
      return 1 - std::tanh(h) * std::tanh(h);
    case spec::Activation::kRelu:
      return h > 0 ? 1 : 0;
    case spec::Activation::kSigmoid:
      return Sigmoid(h) * Sigmoid(-h);
  }
  return 0;
}

double EdgeOf(spec::Activation activation, double h) {
  if (activation == spec::Activation::kRamp) return std::abs(std::abs(0.5 * h) - 1);
  if (activation == spec::Activation::kRelu) return std::abs(h);
  return std::numeric_limits<double>::infinity();
}

}  // namespace hebb::engine
