// SPDX-License-Identifier: Apache-2.0
// The oracle's way down: d = sigma' .* delta, G = sum d x^T, delta below = B^T d.
#include <algorithm>
#include <cmath>

#include "worker/engine/oracle/pools.h"
#include "worker/engine/oracle/run.h"

namespace hebb::engine {

void OracleRun::Backward() {
  const bool direct = learning().rule == spec::Rule::kDfa;
  for (size_t i = nodes_.size(); i-- > 0;) {
    OracleNode& node = nodes_[i];
    if (direct && !node.IsWeighted()) continue;
    if (direct && !IsLast(node)) DirectDelta(node);
    GateDelta(node);
    if (node.IsWeighted()) BackwardWeighted(node);
    if (direct) continue;
    if (node.As<spec::BatchNorm>() != nullptr) BackwardNorm(node);
    if (node.As<spec::MaxPool>() != nullptr) BackwardMaxPool(node);
    if (node.As<spec::AvgPool>() != nullptr) BackwardAvgPool(node);
    if (node.As<spec::GlobalAvgPool>() != nullptr && InputDelta(node) != nullptr) {
      const int64_t places = node.in.height * node.in.width;
      for (size_t at = 0; at < Input(node).size(); ++at) {
        (*InputDelta(node))[at] += node.d[at / places] / static_cast<double>(places);
      }
    }
    if (node.As<spec::Dropout>() != nullptr) BackwardDropout(node);
    if (node.As<spec::Add>() != nullptr) BackwardAdd(node);
  }
}

void OracleRun::GateDelta(OracleNode& node) {
  result_.deltas[node.layer->name] = node.delta;
  node.d = node.delta;
  for (size_t i = 0; i < node.d.size(); ++i) {
    node.d[i] *= Slope(ActivationOf(node), node.field[i]);
  }
}

// dfa: the output error itself, through R of [units, classes].
void OracleRun::DirectDelta(OracleNode& node) {
  const Doubles& feedback = weights(node.Name(".feedback"));
  const Doubles& error = nodes_.back().d;
  const int64_t units = node.shape.size(), classes = nodes_.back().shape.channels;
  for (int64_t r = 0; r < rows_; ++r)
    for (int64_t u = 0; u < units; ++u) {
      double sum = 0;
      for (int64_t k = 0; k < classes; ++k)
        sum += feedback[u * classes + k] * error[r * classes + k];
      node.delta[r * units + u] = sum;
    }
}

void OracleRun::WeightedUpdate(OracleNode& node) {
  const Doubles& x = Input(node);
  const int64_t in = node.in.size(), out = node.shape.size();
  Doubles update(WeightCount(node)), asymmetric(WeightCount(node)), bias(BiasCount(node));
  const std::vector<Connection> connections = ConnectionsOf(node);
  for (int64_t r = 0; r < rows_; ++r) {
    for (const Connection& c : connections) {
      const double d = node.d[r * out + c.out], value = x[r * in + c.in];
      update[c.weight] += d * value;
      asymmetric[c.weight] += d * std::max(value, 0.0);
    }
    for (int64_t o = 0; !bias.empty() && o < out; ++o) {
      bias[BiasIndex(node, o)] += node.d[r * out + o];
    }
  }
  feedback_updates_[node.layer->name] = learning().rule_options.asymmetric ? asymmetric : update;
  result_.updates[node.Name(".weight")] = std::move(update);
  if (!bias.empty()) result_.updates[node.Name(".bias")] = std::move(bias);
}

void OracleRun::BackwardWeighted(OracleNode& node) {
  WeightedUpdate(node);
  const bool after = learning().propagate == spec::Propagate::kAfterUpdate;
  if (after) UpdateWeighted(node, 1);
  if (learning().rule == spec::Rule::kDfa) return;
  const Doubles b = SignalOf(node, after ? result_.after : oracle_.weights_);
  Doubles* delta = InputDelta(node);
  if (delta == nullptr) return;
  const int64_t in = node.in.size(), out = node.shape.size();
  Doubles arrival(rows_ * in);
  const std::vector<Connection> connections = ConnectionsOf(node);
  for (int64_t r = 0; r < rows_; ++r)
    for (const Connection& c : connections)
      arrival[r * in + c.in] += b[c.weight] * node.d[r * out + c.out];
  const double saturated = learning().rule_options.saturated_feedback;
  for (size_t i = 0; i < arrival.size(); ++i) {
    const double value = saturated > 0 ? std::clamp(saturated * arrival[i], -1.0, 1.0) : arrival[i];
    (*delta)[i] += value;
  }
}

// With x_hat = (x - mean) / deviation over the rows that were normalised together:
//   delta = scale / deviation (d - mean(d) - x_hat mean(d x_hat)).
void OracleRun::BackwardNorm(OracleNode& node) {
  const auto& norm = *node.As<spec::BatchNorm>();
  const int64_t channels = node.shape.channels, places = node.places();
  Doubles scale_update(channels), shift_update(channels);
  const int64_t slices = norm.statistics == spec::Statistics::kSlice ? slices_ : 1;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t s = 0, begin = 0; s < slices; ++s) {
      const int64_t end = begin + rows_ / slices + (s < rows_ % slices ? 1 : 0);
      const double count = static_cast<double>((end - begin) * places);
      double sum = 0, product = 0;
      const auto for_each = [&](auto visit) {
        for (int64_t r = begin; r < end; ++r) {
          const double deviation = std::sqrt(node.variance[r * channels + c] + norm.epsilon);
          for (int64_t p = 0; p < places; ++p) {
            const int64_t at = (r * channels + c) * places + p;
            visit(at, (Input(node)[at] - node.mean[r * channels + c]) / deviation, deviation);
          }
        }
      };
      for_each([&](int64_t at, double x_hat, double) {
        sum += node.d[at];
        product += node.d[at] * x_hat;
      });
      const double scale = weights(node.Name(".scale"))[c];
      for_each([&](int64_t at, double x_hat, double deviation) {
        if (Doubles* delta = InputDelta(node); delta != nullptr) {
          (*delta)[at] += scale / deviation * (node.d[at] - sum / count - x_hat * product / count);
        }
      });
      scale_update[c] += product;
      shift_update[c] += sum;
      begin = end;
    }
  }
  result_.updates[node.Name(".scale")] = std::move(scale_update);
  result_.updates[node.Name(".shift")] = std::move(shift_update);
}

void OracleRun::BackwardMaxPool(OracleNode& node) {
  Doubles* delta = InputDelta(node);
  if (delta == nullptr) return;
  const bool all = node.As<spec::MaxPool>()->ties == spec::Ties::kAll;
  for (size_t out = 0; out < node.output.size(); ++out) {
    bool given = false;
    for (int64_t in : MaxPoolWindow(node, static_cast<int64_t>(out))) {
      if (in < 0 || Input(node)[in] != node.output[out]) continue;
      if (all || !given) (*delta)[in] += node.d[out];
      given = true;
    }
  }
}

void OracleRun::BackwardAvgPool(OracleNode& node) {
  Doubles* delta = InputDelta(node);
  for (size_t out = 0; delta != nullptr && out < node.output.size(); ++out) {
    const std::vector<int64_t> window = AvgPoolWindow(node, static_cast<int64_t>(out));
    for (int64_t in : window) (*delta)[in] += node.d[out] / static_cast<double>(window.size());
  }
}

void OracleRun::BackwardDropout(OracleNode& node) {
  Doubles* delta = InputDelta(node);
  const double rate = node.As<spec::Dropout>()->rate;
  for (size_t at = 0; delta != nullptr && at < node.d.size(); ++at) {
    (*delta)[at] += node.output[at] == 0 ? 0.0 : node.d[at] / (1 - rate);
  }
}

// skip_gradient: dropped: no error passes to an untied layer past the block that it begins
// (paper 7).
void OracleRun::BackwardAdd(OracleNode& node) {
  const bool drops = learning().rule_options.skip_gradient == spec::SkipGradient::kDropped;
  for (size_t which = 0; which < node.inputs.size(); ++which) {
    Doubles* delta = InputDelta(node, which);
    if (delta == nullptr) continue;
    const int first = node.inputs[which];
    bool begins_block = false;
    for (int other : node.inputs) begins_block |= other != first && DependsOn(other, first);
    if (drops && nodes_[first].IsUntied() && begins_block) continue;
    for (size_t at = 0; at < node.d.size(); ++at) (*delta)[at] += node.d[at];
  }
}

bool OracleRun::DependsOn(int reader, int layer) const {
  if (reader < 0) return false;
  if (reader == layer) return true;
  for (int input : nodes_[reader].inputs) {
    if (DependsOn(input, layer)) return true;
  }
  return false;
}

}  // namespace hebb::engine
