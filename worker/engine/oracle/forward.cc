// SPDX-License-Identifier: Apache-2.0
// The oracle's way up, and its loss.
#include <algorithm>
#include <cmath>
#include <limits>

#include "worker/engine/oracle/pools.h"
#include "worker/engine/oracle/run.h"

namespace hebb::engine {

void OracleRun::Forward() {
  for (OracleNode& node : nodes_) {
    if (node.IsWeighted()) ForwardWeighted(node);
    if (node.As<spec::BatchNorm>() != nullptr) ForwardNorm(node);
    if (node.As<spec::MaxPool>() != nullptr) ForwardMaxPool(node);
    if (node.As<spec::AvgPool>() != nullptr) ForwardAvgPool(node);
    if (node.As<spec::GlobalAvgPool>() != nullptr) {
      for (size_t i = 0; i < Input(node).size(); ++i) {
        const int64_t places = node.in.height * node.in.width;
        node.field[i / places] += Input(node)[i] / static_cast<double>(places);
      }
    }
    if (node.As<spec::Dropout>() != nullptr) ForwardDropout(node);
    if (node.As<spec::Add>() != nullptr) ForwardAdd(node);
    Activate(node);
  }
}

void OracleRun::Activate(OracleNode& node) {
  const spec::Activation activation = ActivationOf(node);
  Doubles& slopes = result_.slopes[node.layer->name];
  for (size_t i = 0; i < node.field.size(); ++i) {
    node.output[i] = Activated(activation, node.field[i]);
    slopes.push_back(Slope(activation, node.field[i]));
    Edge(EdgeOf(activation, node.field[i]));
  }
  result_.outputs[node.layer->name] = node.output;
}

void OracleRun::ForwardWeighted(OracleNode& node) {
  const Doubles& w = weights(node.Name(".weight"));
  const Doubles& x = Input(node);
  const int64_t in = node.in.size(), out = node.shape.size();
  const std::vector<Connection> connections = ConnectionsOf(node);
  for (int64_t r = 0; r < rows_; ++r) {
    for (const Connection& c : connections) {
      node.field[r * out + c.out] += w[c.weight] * x[r * in + c.in];
    }
    for (int64_t o = 0; BiasCount(node) > 0 && o < out; ++o) {
      node.field[r * out + o] += weights(node.Name(".bias"))[BiasIndex(node, o)];
    }
  }
}

// Of rows [begin, end), for each of them.
void OracleRun::Moments(OracleNode& node, int64_t begin, int64_t end) {
  const Doubles& x = Input(node);
  const int64_t channels = node.shape.channels, places = node.places();
  const double count = static_cast<double>((end - begin) * places);
  for (int64_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    for (int64_t r = begin; r < end; ++r)
      for (int64_t p = 0; p < places; ++p) mean += x[(r * channels + c) * places + p] / count;
    for (int64_t r = begin; r < end; ++r)
      for (int64_t p = 0; p < places; ++p) {
        const double difference = x[(r * channels + c) * places + p] - mean;
        variance += difference * difference / count;
      }
    result_.spread = std::min(result_.spread, variance / (variance + mean * mean));
    for (int64_t r = begin; r < end; ++r) {
      node.mean[r * channels + c] = mean;
      node.variance[r * channels + c] = variance;
    }
  }
}

void OracleRun::ForwardNorm(OracleNode& node) {
  const auto& norm = *node.As<spec::BatchNorm>();
  const int64_t channels = node.shape.channels, places = node.places();
  node.mean.assign(rows_ * channels, 0);
  node.variance = node.mean;
  if (!training_) {
    for (int64_t i = 0; i < rows_ * channels; ++i) {
      node.mean[i] = weights(node.Name(".running_mean"))[i % channels];
      node.variance[i] = weights(node.Name(".running_var"))[i % channels];
    }
  } else {
    // Contiguous slices, the first ones larger by one (design.md 5).
    const int64_t slices = norm.statistics == spec::Statistics::kSlice ? slices_ : 1;
    for (int64_t s = 0, begin = 0; s < slices; ++s) {
      const int64_t end = begin + rows_ / slices + (s < rows_ % slices ? 1 : 0);
      if (end > begin) Moments(node, begin, end);
      begin = end;
    }
  }
  for (size_t i = 0; i < node.field.size(); ++i) {
    const int64_t row_channel = static_cast<int64_t>(i) / places, c = row_channel % channels;
    const double x_hat = (Input(node)[i] - node.mean[row_channel]) /
                         std::sqrt(node.variance[row_channel] + norm.epsilon);
    node.field[i] = weights(node.Name(".scale"))[c] * x_hat + weights(node.Name(".shift"))[c];
  }
}

void OracleRun::ForwardMaxPool(OracleNode& node) {
  const Doubles& x = Input(node);
  const auto value = [&](int64_t in) { return in < 0 ? 0.0 : x[in]; };
  for (size_t out = 0; out < node.field.size(); ++out) {
    double best = -std::numeric_limits<double>::infinity();
    const std::vector<int64_t> window = MaxPoolWindow(node, static_cast<int64_t>(out));
    for (int64_t in : window) best = std::max(best, value(in));
    for (int64_t in : window) {
      if (value(in) < best) Edge(best - value(in));
    }
    node.field[out] = best;
  }
}

void OracleRun::ForwardAvgPool(OracleNode& node) {
  for (size_t out = 0; out < node.field.size(); ++out) {
    const std::vector<int64_t> window = AvgPoolWindow(node, static_cast<int64_t>(out));
    for (int64_t in : window) {
      node.field[out] += Input(node)[in] / static_cast<double>(window.size());
    }
  }
}

void OracleRun::ForwardDropout(OracleNode& node) {
  const double rate = node.As<spec::Dropout>()->rate;
  const int64_t units = node.shape.size();
  for (int64_t r = 0; r < rows_; ++r) {
    const std::vector<bool> kept = KeptUnits(node, context_, samples_[r].id);
    for (int64_t i = 0; i < units; ++i) {
      const double x = Input(node)[r * units + i];
      node.field[r * units + i] = !training_ ? x : kept[i] ? x / (1 - rate) : 0.0;
    }
  }
}

void OracleRun::ForwardAdd(OracleNode& node) {
  for (size_t which = 0; which < node.inputs.size(); ++which) {
    for (size_t i = 0; i < node.field.size(); ++i) node.field[i] += Input(node, which)[i];
  }
}

void OracleRun::Loss() {
  OracleNode& last = nodes_.back();
  const int64_t classes = last.shape.channels;
  for (int64_t r = 0; r < rows_; ++r) {
    const double* x = &last.output[r * classes];
    const int64_t label = samples_[r].label;
    result_.correct += std::max_element(x, x + classes) - x == label;
    for (int64_t j = 0; j < classes; ++j) {
      double& slope = last.delta[r * classes + j];
      result_.loss += Term(r, j, slope);
      slope /= static_cast<double>(context_.batch_size);
    }
  }
}

// Unit j's part of the row's loss, and its derivative by the unit's output.
double OracleRun::Term(int64_t row, int64_t j, double& slope) {
  const OracleNode& last = nodes_.back();
  const int64_t classes = last.shape.channels;
  const double* x = &last.output[row * classes];
  const spec::Loss& loss = learning().loss;
  const bool is_label = j == samples_[row].label;
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
  // Binary cross-entropy of p = sigmoid(z): of the last layer's fields, where that is its
  // activation, else of its outputs. Never by 1 - p, of which nothing is left where z is large.
  const bool probabilities = ActivationOf(last) == spec::Activation::kSigmoid;
  const double z = probabilities ? last.field[row * classes + j] : x[j];
  const double sign = is_label ? -1.0 : 1.0,
               wrong = Activated(spec::Activation::kSigmoid, sign * z);
  slope = sign * wrong;
  if (probabilities) slope /= Slope(spec::Activation::kSigmoid, z);
  return std::max(0.0, sign * z) + std::log1p(std::exp(-std::abs(z)));
}

}  // namespace hebb::engine
