// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/plan.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "common/status_macros.h"
#include "worker/engine/plan_memory.h"
#include "worker/nn/activation.h"
#include "worker/nn/untied_layer.h"

namespace hebb::engine {
namespace {

bool IsNorm(const PlannedLayer& planned) {
  return std::holds_alternative<spec::BatchNorm>(planned.layer.op);
}

const spec::Conv* UntiedConv(const spec::LayerOp& op) {
  const auto* conv = std::get_if<spec::Conv>(&op);
  return conv != nullptr && conv->untied ? conv : nullptr;
}

std::vector<int64_t> CanonicalShape(const PlannedLayer& planned) {
  const spec::ResolvedLayer& r = planned.resolved;
  if (IsNorm(planned)) return {r.output.channels};
  if (const auto* conv = std::get_if<spec::Conv>(&planned.layer.op)) {
    std::vector<int64_t> shape = {conv->filters, r.input.channels, conv->kernel, conv->kernel};
    if (conv->untied) shape.insert(shape.begin(), {r.output.height, r.output.width});
    return shape;
  }
  return {r.output.channels, r.input.size()};
}

bool HasBias(const spec::LayerOp& op) {
  const auto* conv = std::get_if<spec::Conv>(&op);
  const auto* dense = std::get_if<spec::Dense>(&op);
  return (conv != nullptr && conv->bias) || (dense != nullptr && dense->bias);
}

UpdateLayout LayoutOf(const PlannedLayer& planned, int64_t size, bool own_feedback_part) {
  if (IsNorm(planned)) return {.forward = size, .bias = size};
  UpdateLayout layout{.forward = size, .feedback = own_feedback_part ? size : 0};
  if (HasBias(planned.layer.op)) {
    const spec::Shape& output = planned.resolved.output;
    layout.bias = UntiedConv(planned.layer.op) != nullptr ? output.size() : output.channels;
  }
  return layout;
}

void AddParameter(Plan& plan, int index, const spec::Job& job) {
  PlannedLayer& planned = plan.layers[index];
  const spec::Learning& learning = job.learning;
  const bool last = index + 1 == static_cast<int>(job.network.layers.size());
  const std::unique_ptr<rules::Rule> rule = RuleOfLayer(learning, last);
  ParameterInfo info;
  info.layer = planned.layer.name;
  info.layer_index = index;
  info.shape = CanonicalShape(planned);
  info.size = 1;
  for (int64_t extent : info.shape) info.size *= extent;
  if (const spec::Conv* untied = UntiedConv(planned.layer.op)) {
    info.size = nn::UntiedSize(ConvShapeOf(*untied, planned.resolved));
  }
  info.has_feedback = !IsNorm(planned) && rule->keeps_feedback();
  planned.direct = info.has_feedback && rule->carrier() == rules::Carrier::kDirect;
  planned.mirrors = !IsNorm(planned) && rule->mirrors();
  const bool asymmetric = learning.rule_options.asymmetric && rule->updates_feedback();
  planned.update = LayoutOf(planned, info.size, asymmetric || planned.mirrors);
  planned.parameter = static_cast<int>(plan.parameters.size());
  plan.parameters.push_back(std::move(info));
}

// The sums in the order of a step: statistics on the way up, updates on the way down.
void PlanSums(Plan& plan) {
  const auto add = [&plan](const std::string& name, int64_t size) {
    plan.sums.push_back({name, size});
    return static_cast<int>(plan.sums.size()) - 1;
  };
  for (PlannedLayer& planned : plan.layers) {
    const auto* norm = std::get_if<spec::BatchNorm>(&planned.layer.op);
    if (norm == nullptr) continue;
    planned.statistics_sum = add(planned.layer.name, 2 * planned.resolved.output.channels);
    planned.over_batch = norm->statistics == spec::Statistics::kBatch;
  }
  for (auto planned = plan.layers.rbegin(); planned != plan.layers.rend(); ++planned) {
    if (planned->parameter < 0) continue;
    planned->update_sum = add(planned->layer.name, planned->update.total());
    plan.parameters[planned->parameter].sum = planned->update_sum;
  }
}

void PlanPasses(Plan& plan) {
  for (int i = 0; i < static_cast<int>(plan.layers.size()); ++i) {
    const PlannedLayer& planned = plan.layers[i];
    const bool begins = plan.passes.empty() || plan.passes.back().joint || planned.joint ||
                        planned.over_batch || plan.after_update;
    if (begins) plan.passes.push_back({i, i, planned.joint});
    plan.passes.back().end = i + 1;
  }
}

}  // namespace

double SteepestSlope(const spec::LayerOp& op) {
  const spec::Activation activation = std::visit(
      [](const auto& each) {
        if constexpr (requires { each.activation; }) return each.activation;
        return spec::Activation::kNone;
      },
      op);
  if (activation == spec::Activation::kRamp) return nn::kRampSlope;
  return activation == spec::Activation::kSigmoid ? 0.25 : 1;
}

nn::ConvShape ConvShapeOf(const spec::Conv& conv, const spec::ResolvedLayer& resolved) {
  return {resolved.input,      resolved.output,    conv.kernel,
          resolved.pad_before, resolved.pad_after, conv.stride};
}

std::unique_ptr<rules::Rule> RuleOfLayer(const spec::Learning& learning, bool last) {
  // The last layer needs no R of its own where errors do not pass through it, or pass through W.
  const bool plain = last && (learning.rule == spec::Rule::kDfa ||
                              learning.rule_options.last_layer == spec::LastLayer::kBp);
  return rules::MakeRule(plain ? spec::Rule::kBp : learning.rule, learning.rule_options);
}

absl::StatusOr<Plan> MakePlan(const spec::Job& job, const spec::DatasetFacts& facts) {
  HEBB_ASSIGN_OR_RETURN(std::vector<spec::ResolvedLayer> resolved,
                        spec::ResolveNetwork(job.network, facts));
  Plan plan;
  plan.image = facts.image;
  plan.classes = facts.classes;
  for (size_t i = 0; i < resolved.size(); ++i) {
    PlannedLayer planned;
    planned.layer = job.network.layers[i];
    planned.resolved = std::move(resolved[i]);
    planned.needs_delta = planned.resolved.has_weights;
    planned.joint = std::holds_alternative<spec::Dense>(planned.layer.op) ||
                    UntiedConv(planned.layer.op) != nullptr;
    for (int input : planned.resolved.inputs) {
      planned.needs_delta |= input >= 0 && plan.layers[input].needs_delta;
    }
    plan.layers.push_back(std::move(planned));
    if (plan.layers.back().resolved.has_weights) AddParameter(plan, static_cast<int>(i), job);
  }
  // Binary cross-entropy and a last sigmoid are one function of the field (nn/loss.h).
  auto* last = std::get_if<spec::Dense>(&plan.layers.back().layer.op);
  if (std::holds_alternative<spec::BinaryCrossEntropy>(job.learning.loss) && last != nullptr &&
      last->activation == spec::Activation::kSigmoid) {
    last->activation = spec::Activation::kNone;
  }
  plan.after_update = job.learning.propagate == spec::Propagate::kAfterUpdate;
  PlanSums(plan);
  PlanPasses(plan);
  plan.saturated_feedback = static_cast<float>(job.learning.rule_options.saturated_feedback);
  plan.direct = job.learning.rule == spec::Rule::kDfa;
  plan.bf16 = job.learning.precision == spec::Precision::kBf16;
  PlanMemory(job.learning, plan);
  return plan;
}

}  // namespace hebb::engine
