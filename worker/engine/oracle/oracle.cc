// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/oracle.h"

#include <limits>

#include "absl/strings/match.h"
#include "worker/engine/oracle/run.h"

namespace hebb::engine {
OracleRun::OracleRun(const Oracle& oracle, const StepContext& context,
                     const std::vector<Sample>& samples, int slices, bool training)
    : oracle_(oracle),
      context_(context),
      samples_(samples),
      slices_(slices),
      training_(training),
      rows_(static_cast<int64_t>(samples.size())),
      nodes_(OracleNetwork(oracle.job_, oracle.facts_)) {
  result_.after = oracle.weights_;
  result_.edge = std::numeric_limits<double>::infinity();
  for (const Sample& sample : samples) {
    const Doubles seen = ImageOf(oracle.job_, oracle.facts_.image, context, sample, training);
    image_.insert(image_.end(), seen.begin(), seen.end());
  }
  for (OracleNode& node : nodes_) {
    node.field.assign(rows_ * node.shape.size(), 0.0);
    node.output = node.delta = node.field;
  }
}

OracleStep OracleRun::Train() {
  Forward();
  Loss();
  Backward();
  UpdateRest(ClipFactor());
  return std::move(result_);
}

OracleStep OracleRun::Evaluate() {
  Forward();
  Loss();
  return std::move(result_);
}

void Oracle::SetWeights(const std::vector<weights::Tensor>& tensors) {
  weights_.clear();
  for (const weights::Tensor& tensor : tensors) {
    if (absl::StartsWith(tensor.name, "optimizer/")) {
      weights_[tensor.name] = Doubles(tensor.values.size(), 0.0);
    } else if (!absl::StartsWith(tensor.name, "state/")) {
      weights_[tensor.name] = Doubles(tensor.values.begin(), tensor.values.end());
    }
  }
  if (!job_.learning.rule_options.clip_untied) return;
  for (const OracleNode& node : OracleNetwork(job_, facts_)) {
    if (!node.IsUntied()) continue;
    const auto add = [&](const char* suffix, Side side) {
      const auto found = weights_.find(node.Name(suffix));
      if (found == weights_.end()) return;
      weights_["state/" + node.layer->name + ".limits"].push_back(
          DeviationOf(node, MaskOf(job_, node, side), found->second));
    };
    add(".weight", Side::kForward);
    // R of dfa has other connections, and is fixed.
    if (job_.learning.rule != spec::Rule::kDfa) add(".feedback", Side::kFeedback);
  }
}

OracleStep Oracle::Step(const StepContext& context, const std::vector<Sample>& samples,
                        int slices) const {
  return OracleRun(*this, context, samples, slices, /*training=*/true).Train();
}

OracleStep Oracle::Advance(const StepContext& context, const std::vector<Sample>& samples,
                           int slices) {
  OracleStep step = Step(context, samples, slices);
  weights_ = step.after;
  return step;
}

OracleStep Oracle::Evaluate(const std::vector<Sample>& samples) const {
  StepContext context;
  context.batch_size = 1;
  return OracleRun(*this, context, samples, 1, /*training=*/false).Evaluate();
}

}  // namespace hebb::engine
