// SPDX-License-Identifier: Apache-2.0
// The oracle's rules: which B carries the error down, and what a step does to every tensor.
#include <algorithm>
#include <cmath>

#include "common/random.h"
#include "worker/engine/oracle/run.h"

namespace hebb::engine {
namespace {

double Sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

Doubles Masked(const Doubles& values, const Doubles& mask) {
  Doubles kept = values;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (mask[i] == 0) kept[i] = 0;
  }
  return kept;
}

double Squares(const Doubles& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return sum;
}

}  // namespace

spec::Rule RuleOf(const spec::Job& job, const OracleNode&, bool last) {
  const spec::Learning& learning = job.learning;
  const bool plain =
      learning.rule == spec::Rule::kDfa || learning.rule_options.last_layer == spec::LastLayer::kBp;
  return last && plain ? spec::Rule::kBp : learning.rule;
}

double DeviationOf(const OracleNode& node, const Doubles& mask, const Doubles& values) {
  Doubles existing;
  for (const Connection& c : ConnectionsOf(node)) {
    if (mask[c.weight] != 0) existing.push_back(values[c.weight]);
  }
  const double count = static_cast<double>(existing.size());
  double mean = 0, variance = 0;
  for (double value : existing) mean += value / count;
  for (double value : existing) variance += (value - mean) * (value - mean) / count;
  return std::sqrt(variance);
}

// B of the matrices given; an untied layer that lags keeps the B of its epoch's start.
Doubles OracleRun::SignalOf(const OracleNode& node, const DoublesByName& matrices) {
  const bool lags =
      node.IsUntied() && learning().rule_options.feedback_lag == spec::FeedbackLag::kEpoch;
  const std::string kept = "state/" + node.layer->name + ".signal";
  if (lags && !context_.first_of_epoch) return result_.after.at(kept);
  const Doubles& w = matrices.at(node.Name(".weight"));
  const auto r = matrices.find(node.Name(".feedback"));
  const auto signed_edges = [&](const Doubles& values) {
    for (double value : values) {
      if (value != 0) Edge(std::abs(value));
    }
  };
  Doubles b = w;
  switch (Rule(node)) {
    case spec::Rule::kBp:
    case spec::Rule::kDfa:
      break;
    case spec::Rule::kFrfb:
    case spec::Rule::kUrfb:
    case spec::Rule::kKolenPollack:
    case spec::Rule::kWeightMirror:
      b = r->second;
      break;
    case spec::Rule::kUrfbSign:
      signed_edges(r->second);
      for (size_t i = 0; i < b.size(); ++i) b[i] = Sign(r->second[i]);
      break;
    case spec::Rule::kUsf: {
      signed_edges(w);
      const double scale = std::sqrt(2.0 / static_cast<double>(FanIn(node) + FanOut(node)));
      for (size_t i = 0; i < b.size(); ++i) b[i] = scale * Sign(w[i]);
      break;
    }
    case spec::Rule::kBrsf: {
      signed_edges(w);
      const Doubles m = DrawnMatrix(oracle_.job_, node, RandomPurpose::kFeedbackMagnitude,
                                    static_cast<uint32_t>(context_.step), Side::kFeedback);
      for (size_t i = 0; i < b.size(); ++i) b[i] = std::abs(m[i]) * Sign(w[i]);
      break;
    }
    case spec::Rule::kFrsf:
      signed_edges(w);
      for (size_t i = 0; i < b.size(); ++i) b[i] = std::abs(r->second[i]) * Sign(w[i]);
      break;
  }
  if (lags) result_.after[kept] = b;
  return b;
}

// v = momentum v + scale G + decay w, w -= rate v.
void OracleRun::Descend(const std::string& tensor, const Doubles& gradient, double rate,
                        double scale) {
  const spec::Sgd& sgd = learning().optimizer;
  Doubles& w = result_.after.at(tensor);
  for (size_t i = 0; i < w.size(); ++i) {
    double step = scale * gradient[i] + sgd.weight_decay * w[i];
    if (sgd.momentum > 0) {
      double& v = result_.after.at("optimizer/" + tensor)[i];
      step = v = sgd.momentum * v + step;
    }
    w[i] -= rate * step;
  }
}

void OracleRun::UpdateWeighted(const OracleNode& node, double clip) {
  if (node.layer->frozen) return;
  const spec::Sgd& sgd = learning().optimizer;
  const spec::RuleOptions& options = learning().rule_options;
  const double rate = sgd.learning_rate * context_.rate_factor;
  const double feedback_rate =
      sgd.feedback_learning_rate.value_or(sgd.learning_rate) * context_.rate_factor;
  const spec::Rule rule = Rule(node);
  const std::string weight = node.Name(".weight"), feedback = node.Name(".feedback");
  const auto shrink = [&](const std::string& tensor) {
    if (rule != spec::Rule::kKolenPollack) return;
    for (double& value : result_.after.at(tensor)) value *= options.decay;
  };
  shrink(weight);
  Descend(weight, Masked(result_.updates.at(weight), MaskOf(oracle_.job_, node, Side::kForward)),
          rate, clip);
  if (rule == spec::Rule::kUrfb || rule == spec::Rule::kUrfbSign ||
      rule == spec::Rule::kKolenPollack) {
    shrink(feedback);
    Descend(
        feedback,
        Masked(feedback_updates_.at(node.layer->name), MaskOf(oracle_.job_, node, Side::kFeedback)),
        feedback_rate, clip);
  }
  if (rule == spec::Rule::kWeightMirror) Mirror(node);
  if (BiasCount(node) > 0) {
    const double batch = static_cast<double>(context_.batch_size);
    Descend(node.Name(".bias"), result_.updates.at(node.Name(".bias")), rate,
            options.bias_mean_twice ? clip / batch : clip);
  }
}

// What follows an epoch's last step; no part of that step.
void OracleRun::ClipUntied(const OracleNode& node) {
  if (!learning().rule_options.clip_untied || !context_.last_of_epoch) return;
  if (node.layer->frozen || !node.IsUntied()) return;
  const Doubles& limits = weights("state/" + node.layer->name + ".limits");
  const auto cut = [&](const char* suffix, double limit) {
    for (double& value : result_.after.at(node.Name(suffix))) {
      value = std::clamp(value, -limit, limit);
    }
  };
  cut(".weight", limits[0]);
  if (limits.size() > 1) cut(".feedback", limits[1]);
}

// R += mirror_rate sum y n^T, y what the layer answers to noise n with the weights before the step.
void OracleRun::Mirror(const OracleNode& node) {
  const Doubles& w = weights(node.Name(".weight"));
  Doubles correlation(w.size());
  const std::vector<Connection> connections = ConnectionsOf(node);
  for (const Sample& sample : samples_) {
    const Doubles noise = MirrorNoise(oracle_.job_, node, context_, sample.id);
    Doubles response(node.shape.size());
    for (const Connection& c : connections) response[c.out] += w[c.weight] * noise[c.in];
    for (size_t out = 0; out < response.size(); ++out) {
      if (BiasCount(node) > 0) {
        response[out] += weights(node.Name(".bias"))[BiasIndex(node, static_cast<int64_t>(out))];
      }
      response[out] = Activated(ActivationOf(node), response[out]);
    }
    for (const Connection& c : connections) correlation[c.weight] += response[c.out] * noise[c.in];
  }
  correlation = Masked(correlation, MaskOf(oracle_.job_, node, Side::kFeedback));
  Doubles& r = result_.after.at(node.Name(".feedback"));
  for (size_t i = 0; i < r.size(); ++i) {
    r[i] += learning().rule_options.mirror_rate * correlation[i];
  }
}

void OracleRun::UpdateNorm(const OracleNode& node, double clip) {
  if (node.layer->frozen) return;
  const double rate = learning().optimizer.learning_rate * context_.rate_factor;
  for (const char* suffix : {".scale", ".shift"}) {
    Descend(node.Name(suffix), result_.updates.at(node.Name(suffix)), rate, clip);
  }
  const auto& norm = *node.As<spec::BatchNorm>();
  const int64_t channels = node.shape.channels, places = node.places();
  const double count = static_cast<double>(rows_ * places);
  const Doubles& x = Input(node);
  for (int64_t c = 0; c < channels; ++c) {
    double mean = 0, variance = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      if (static_cast<int64_t>(i) / places % channels == c) mean += x[i] / count;
    }
    for (size_t i = 0; i < x.size(); ++i) {
      if (static_cast<int64_t>(i) / places % channels != c) continue;
      variance += (x[i] - mean) * (x[i] - mean) / (count - 1);
    }
    const auto blend = [&](const char* suffix, double value) {
      double& running = result_.after.at(node.Name(suffix))[c];
      running = (1 - norm.momentum) * running + norm.momentum * value;
    };
    blend(".running_mean", mean);
    blend(".running_var", variance);
  }
}

// So that the norm of all that is about to change together is at most clip_norm.
double OracleRun::ClipFactor() const {
  const double limit = learning().optimizer.clip_norm;
  if (limit <= 0) return 1;
  double squares = 0;
  for (const OracleNode& node : nodes_) {
    if (node.layer->frozen) continue;
    for (const char* suffix : {".weight", ".bias", ".scale", ".shift"}) {
      const auto update = result_.updates.find(node.Name(suffix));
      if (update == result_.updates.end()) continue;
      const bool matrix = suffix == std::string(".weight");
      squares += matrix
                     ? Squares(Masked(update->second, MaskOf(oracle_.job_, node, Side::kForward)))
                     : Squares(update->second);
    }
  }
  return std::min(1.0, limit / std::sqrt(squares));
}

void OracleRun::UpdateRest(double clip) {
  const bool before = learning().propagate == spec::Propagate::kBeforeUpdate;
  for (const OracleNode& node : nodes_) {
    if (node.IsWeighted() && before) UpdateWeighted(node, clip);
    if (node.As<spec::BatchNorm>() != nullptr) UpdateNorm(node, clip);
    ClipUntied(node);
  }
}

}  // namespace hebb::engine
