// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/engine/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "common/random.h"

namespace hebb::engine {
namespace {

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

spec::Activation ActivationOf(const spec::LayerOp& op) {
  if (const auto* conv = std::get_if<spec::Conv>(&op)) return conv->activation;
  return std::get<spec::Dense>(op).activation;
}

bool IsWeighted(const spec::LayerOp& op) {
  return std::holds_alternative<spec::Conv>(op) || std::holds_alternative<spec::Dense>(op);
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
      return Sigmoid(h) * (1 - Sigmoid(h));
  }
  return 0;
}

double EdgeOf(spec::Activation activation, double h) {
  if (activation == spec::Activation::kRamp) return std::abs(std::abs(0.5 * h) - 1);
  if (activation == spec::Activation::kRelu) return std::abs(h);
  return std::numeric_limits<double>::infinity();
}

// TensorFlow's SAME: the odd one of the padding goes to the end.
int64_t SamePadBefore(int64_t n, int64_t window, int64_t stride) {
  const int64_t out = (n + stride - 1) / stride;
  return std::max<int64_t>((out - 1) * stride + window - n, 0) / 2;
}

double Scaled(spec::Normalize normalize, uint8_t pixel) {
  return normalize == spec::Normalize::kSigned ? (pixel / 255.0 - 0.5) / 0.5 : pixel / 255.0;
}

}  // namespace

// One step's numbers on their way through the network.
struct Oracle::Run {
  const Oracle& oracle;
  const StepContext& context;
  const std::vector<Sample>& samples;
  int64_t rows;
  Doubles image;
  std::vector<Node> nodes;
  OracleStep result;

  Run(const Oracle& o, const StepContext& c, const std::vector<Sample>& s)
      : oracle(o), context(c), samples(s), rows(static_cast<int64_t>(s.size())) {
    result.after = o.weights_;
    result.edge = std::numeric_limits<double>::infinity();
    const spec::Shape& shape = o.facts_.image;
    for (const Sample& sample : s) {
      for (int64_t i = 0; i < shape.size(); ++i) {
        image.push_back(Scaled(o.job_.dataset.normalize, sample.pixels[i]));
      }
    }
    for (const spec::Layer& layer : o.job_.network.layers) AddNode(layer);
  }

  void AddNode(const spec::Layer& layer) {
    Node node;
    node.layer = &layer;
    for (const std::string& name : layer.inputs) node.inputs.push_back(IndexOf(name));
    if (layer.inputs.empty()) node.inputs = {static_cast<int>(nodes.size()) - 1};
    const spec::Shape input = InputOf(node);
    node.shape = input;
    if (const auto* conv = std::get_if<spec::Conv>(&layer.op)) {
      node.shape.channels = conv->filters;
      const bool valid = conv->padding == spec::Padding::kValid;
      node.shape.height = valid ? input.height - conv->kernel + 1 : input.height;
      node.shape.width = valid ? input.width - conv->kernel + 1 : input.width;
    } else if (const auto* dense = std::get_if<spec::Dense>(&layer.op)) {
      node.shape.channels = dense->units;
      node.shape.height = node.shape.width = 1;
    } else if (const auto* pool = std::get_if<spec::MaxPool>(&layer.op)) {
      node.shape.height = (input.height + pool->stride - 1) / pool->stride;
      node.shape.width = (input.width + pool->stride - 1) / pool->stride;
    }
    node.field.assign(rows * node.shape.size(), 0.0);
    node.output = node.delta = node.field;
    nodes.push_back(std::move(node));
  }

  int IndexOf(const std::string& name) const {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i].layer->name == name) return static_cast<int>(i);
    }
    return -1;
  }

  spec::Shape InputOf(const Node& node) const {
    return node.inputs[0] < 0 ? oracle.facts_.image : nodes[node.inputs[0]].shape;
  }

  const Doubles& ValuesOf(const Node& node, int which) const {
    return node.inputs[which] < 0 ? image : nodes[node.inputs[which]].output;
  }

  // Calls visit(input index, weight index, output index) for every connection of a convolution or
  // dense layer and every row.
  template <typename Visit>
  void ForConnections(const Node& node, Visit visit) const {
    const spec::Shape in = InputOf(node);
    if (std::holds_alternative<spec::Dense>(node.layer->op)) {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t u = 0; u < node.shape.channels; ++u)
          for (int64_t i = 0; i < in.size(); ++i)
            visit(r * in.size() + i, u * in.size() + i, r * node.shape.channels + u);
      return;
    }
    const auto& conv = std::get<spec::Conv>(node.layer->op);
    const int64_t k = conv.kernel;
    const int64_t pad = conv.padding == spec::Padding::kValid ? 0 : SamePadBefore(in.height, k, 1);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t o = 0; o < node.shape.channels; ++o)
        for (int64_t y = 0; y < node.shape.height; ++y)
          for (int64_t x = 0; x < node.shape.width; ++x)
            for (int64_t c = 0; c < in.channels; ++c)
              for (int64_t i = 0; i < k; ++i)
                for (int64_t j = 0; j < k; ++j) {
                  const int64_t yy = y + i - pad, xx = x + j - pad;
                  if (yy < 0 || yy >= in.height || xx < 0 || xx >= in.width) continue;
                  visit(((r * in.channels + c) * in.height + yy) * in.width + xx,
                        ((o * in.channels + c) * k + i) * k + j,
                        ((r * node.shape.channels + o) * node.shape.height + y) * node.shape.width +
                            x);
                }
  }

  void Edge(double distance) { result.edge = std::min(result.edge, distance); }

  // --- forward ---

  void Forward() {
    for (size_t i = 0; i < nodes.size(); ++i) {
      Node& node = nodes[i];
      if (IsWeighted(node.layer->op)) ForwardWeighted(node);
      if (const auto* pool = std::get_if<spec::MaxPool>(&node.layer->op)) ForwardPool(node, *pool);
      if (const auto* dropout = std::get_if<spec::Dropout>(&node.layer->op)) {
        ForwardDropout(node, static_cast<uint32_t>(i), dropout->rate);
      }
      if (std::holds_alternative<spec::Add>(node.layer->op)) ForwardAdd(node);
    }
  }

  void ForwardWeighted(Node& node) {
    const Doubles& w = oracle.weights_.at(node.layer->name + ".weight");
    const Doubles& x = ValuesOf(node, 0);
    ForConnections(node, [&](int64_t in, int64_t weight, int64_t out) {
      node.field[out] += w[weight] * x[in];
    });
    const spec::Activation activation = ActivationOf(node.layer->op);
    for (size_t i = 0; i < node.field.size(); ++i) {
      node.output[i] = Activated(activation, node.field[i]);
      Edge(EdgeOf(activation, node.field[i]));
    }
  }

  // Calls visit(input index or -1 for a zero of the border) for the window of one output.
  template <typename Visit>
  void ForWindow(const Node& node, const spec::MaxPool& pool, int64_t out, Visit visit) const {
    const spec::Shape in = InputOf(node);
    const int64_t x = out % node.shape.width, y = out / node.shape.width % node.shape.height;
    const int64_t plane = out / (node.shape.width * node.shape.height);  // row and channel
    const bool own = pool.stride < pool.size;  // the author's own implementation
    const int64_t pad_y = own ? 0 : SamePadBefore(in.height, pool.size, pool.stride);
    const int64_t pad_x = own ? 0 : SamePadBefore(in.width, pool.size, pool.stride);
    for (int64_t i = 0; i < pool.size; ++i)
      for (int64_t j = 0; j < pool.size; ++j) {
        const int64_t yy = y * pool.stride + i - pad_y, xx = x * pool.stride + j - pad_x;
        const bool inside = yy >= 0 && yy < in.height && xx >= 0 && xx < in.width;
        if (inside) visit((plane * in.height + yy) * in.width + xx);
        if (!inside && own) visit(int64_t{-1});
      }
  }

  void ForwardPool(Node& node, const spec::MaxPool& pool) {
    const Doubles& x = ValuesOf(node, 0);
    for (size_t out = 0; out < node.output.size(); ++out) {
      double best = -std::numeric_limits<double>::infinity();
      const auto value = [&](int64_t in) { return in < 0 ? 0.0 : x[in]; };
      ForWindow(node, pool, out, [&](int64_t in) { best = std::max(best, value(in)); });
      ForWindow(node, pool, out, [&](int64_t in) {
        if (value(in) < best) Edge(best - value(in));
      });
      node.output[out] = best;
    }
  }

  void ForwardDropout(Node& node, uint32_t layer, double rate) {
    const Doubles& x = ValuesOf(node, 0);
    for (int64_t r = 0; r < rows; ++r) {
      const RandomStream stream(context.seed, RandomPurpose::kDropout, layer,
                                static_cast<uint32_t>(context.epoch),
                                static_cast<uint32_t>(samples[r].id));
      for (int64_t i = 0; i < node.shape.size(); ++i) {
        const bool dropped = RandomStream::ToUnit(stream.Word(i)) < rate;
        const int64_t at = r * node.shape.size() + i;
        node.output[at] = dropped ? 0.0 : x[at] / (1 - rate);
      }
    }
  }

  void ForwardAdd(Node& node) {
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Doubles& x = ValuesOf(node, static_cast<int>(i));
      for (size_t at = 0; at < x.size(); ++at) node.output[at] += x[at];
    }
  }

  // --- loss ---

  void Loss() {
    Node& last = nodes.back();
    const int64_t classes = last.shape.channels;
    for (int64_t r = 0; r < rows; ++r) {
      const double* x = &last.output[r * classes];
      double* delta = &last.delta[r * classes];
      const int64_t label = samples[r].label;
      result.correct += std::max_element(x, x + classes) - x == label;
      for (int64_t j = 0; j < classes; ++j) {
        result.loss += Term(last, x, classes, j, label, delta[j]);
        delta[j] /= static_cast<double>(context.batch_size);
      }
    }
  }

  // Unit j's part of the row's loss, and its derivative.
  double Term(const Node& last, const double* x, int64_t classes, int64_t j, int64_t label,
              double& slope) {
    const spec::Loss& loss = oracle.job_.learning.loss;
    const bool is_label = j == label;
    if (const auto* hinge = std::get_if<spec::Hinge>(&loss)) {
      const double weight =
          is_label ? 1.0 : hinge->off_class_weight / static_cast<double>(classes - 1);
      const double sign = is_label ? -1.0 : 1.0, margin = 1 + sign * x[j];
      Edge(std::abs(margin));
      slope = margin > 0 ? sign * weight : 0.0;
      return std::max(0.0, weight * margin);
    }
    if (std::holds_alternative<spec::Squared>(loss)) {
      const double difference = x[j] - (is_label ? 1.0 : -1.0);
      slope = 2 * difference;
      return difference * difference;
    }
    if (std::holds_alternative<spec::CrossEntropy>(loss)) {
      double sum = 0;
      for (int64_t i = 0; i < classes; ++i) sum += std::exp(x[i]);
      slope = std::exp(x[j]) / sum - (is_label ? 1.0 : 0.0);
      return is_label ? -std::log(std::exp(x[j]) / sum) : 0.0;
    }
    // Binary cross-entropy of probabilities: the last layer's sigmoid outputs, or the sigmoid of
    // its outputs.
    const bool probabilities = ActivationOf(last.layer->op) == spec::Activation::kSigmoid;
    const double p = probabilities ? x[j] : Sigmoid(x[j]);
    const double by_p = is_label ? -1 / p : 1 / (1 - p);
    slope = probabilities ? by_p : by_p * p * (1 - p);
    return is_label ? -std::log(p) : -std::log(1 - p);
  }

  // --- backward ---

  Doubles* DeltaOf(const Node& node, int which) {
    return node.inputs[which] < 0 ? nullptr : &nodes[node.inputs[which]].delta;
  }

  void Backward() {
    for (size_t i = nodes.size(); i-- > 0;) {
      Node& node = nodes[i];
      if (IsWeighted(node.layer->op)) BackwardWeighted(node);
      if (const auto* pool = std::get_if<spec::MaxPool>(&node.layer->op)) BackwardPool(node, *pool);
      if (const auto* dropout = std::get_if<spec::Dropout>(&node.layer->op)) {
        Doubles* delta = DeltaOf(node, 0);
        for (size_t at = 0; delta != nullptr && at < node.delta.size(); ++at) {
          (*delta)[at] += node.output[at] == 0 ? 0.0 : node.delta[at] / (1 - dropout->rate);
        }
      }
      if (std::holds_alternative<spec::Add>(node.layer->op)) {
        for (size_t which = 0; which < node.inputs.size(); ++which) {
          Doubles* delta = DeltaOf(node, static_cast<int>(which));
          for (size_t at = 0; delta != nullptr && at < node.delta.size(); ++at) {
            (*delta)[at] += node.delta[at];
          }
        }
      }
    }
  }

  void BackwardWeighted(Node& node) {
    const std::string weight = node.layer->name + ".weight";
    const std::string feedback = node.layer->name + ".feedback";
    const spec::Learning& learning = oracle.job_.learning;
    const spec::Activation activation = ActivationOf(node.layer->op);
    Doubles d = node.delta;
    for (size_t i = 0; i < d.size(); ++i) d[i] *= Slope(activation, node.field[i]);

    Doubles update(oracle.weights_.at(weight).size(), 0.0);
    const Doubles& x = ValuesOf(node, 0);
    ForConnections(node, [&](int64_t in, int64_t w, int64_t out) { update[w] += d[out] * x[in]; });

    const double eta = learning.optimizer.learning_rate;
    const double eta_r = learning.optimizer.feedback_learning_rate.value_or(eta);
    Doubles& w_after = result.after.at(weight);
    for (size_t i = 0; i < update.size(); ++i) w_after[i] -= eta * update[i];
    if (learning.rule == spec::Rule::kUrfb) {
      Doubles& r_after = result.after.at(feedback);
      for (size_t i = 0; i < update.size(); ++i) r_after[i] -= eta_r * update[i];
    }

    const std::string& signal = learning.rule == spec::Rule::kBp ? weight : feedback;
    const bool after = learning.propagate == spec::Propagate::kAfterUpdate;
    const Doubles& b = after ? result.after.at(signal) : oracle.weights_.at(signal);
    if (Doubles* delta = DeltaOf(node, 0); delta != nullptr) {
      ForConnections(node,
                     [&](int64_t in, int64_t w, int64_t out) { (*delta)[in] += b[w] * d[out]; });
    }
    result.updates[node.layer->name] = std::move(update);
  }

  void BackwardPool(Node& node, const spec::MaxPool& pool) {
    Doubles* delta = DeltaOf(node, 0);
    if (delta == nullptr) return;
    const Doubles& x = ValuesOf(node, 0);
    for (size_t out = 0; out < node.output.size(); ++out) {
      bool given = false;
      ForWindow(node, pool, out, [&](int64_t in) {
        if (in < 0 || x[in] != node.output[out]) return;
        if (pool.ties == spec::Ties::kAll || !given) (*delta)[in] += node.delta[out];
        given = true;
      });
    }
  }
};

void Oracle::SetWeights(const std::vector<weights::Tensor>& tensors) {
  for (const weights::Tensor& tensor : tensors) {
    weights_[tensor.name] = Doubles(tensor.values.begin(), tensor.values.end());
  }
}

OracleStep Oracle::Step(const StepContext& context, const std::vector<Sample>& samples) const {
  Run run(*this, context, samples);
  run.Forward();
  run.Loss();
  run.Backward();
  return std::move(run.result);
}

}  // namespace hebb::engine
