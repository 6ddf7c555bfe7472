// SPDX-License-Identifier: Apache-2.0
#include "bench/cost_model.h"

#include <algorithm>
#include <variant>

#include "common/status_macros.h"
#include "worker/engine/plan.h"
#include "worker/nn/winograd_kernels.h"

namespace hebb::bench {
namespace {

constexpr double kFloat = 4;            // bytes
constexpr double kDirectFloats = 4096;  // worker/comm/tree_sum.cc: sums in one round up to that

double Size(const spec::Shape& shape) { return static_cast<double>(shape.size()); }

bool LearnsFeedback(spec::Rule rule) {
  return rule == spec::Rule::kUrfb || rule == spec::Rule::kUrfbSign ||
         rule == spec::Rule::kKolenPollack || rule == spec::Rule::kWeightMirror;
}

// The share of the plain sums' products that the CPU takes.
double ProductsTaken(const spec::Conv& conv, const spec::ResolvedLayer& shapes) {
  const bool fewer = !conv.untied && nn::HasWinogradKernels(engine::ConvShapeOf(conv, shapes));
  return fewer ? 16.0 / 36.0 : 1;
}

// Floats of W and operations of one product for one image. Zero padding is not counted as saved.
void CountProducts(const spec::LayerOp& op, const spec::ResolvedLayer& shapes, bool plain,
                   LayerCost& cost) {
  double fan_in = Size(shapes.input);
  bool shared = false;
  double taken = 1;
  if (const auto* conv = std::get_if<spec::Conv>(&op)) {
    fan_in = static_cast<double>(conv->kernel * conv->kernel * shapes.input.channels);
    shared = !conv->untied;
    if (!plain) taken = ProductsTaken(*conv, shapes);
  }
  const double places = shared ? Size(shapes.output) / shapes.output.channels : 1;
  cost.weights = fan_in * Size(shapes.output) / places;
  const double flops = 2 * taken * fan_in * Size(shapes.output);
  cost.forward_flops = cost.update_flops = flops;
  cost.feedback_flops = cost.sends_down ? flops : 0;
}

// A phase of a layer takes as long as the dearer of its operations and its traffic.
double Roofline(double flops, double floats_read, double floats_written,
                const ComputeRates& rates) {
  const double compute = flops / rates.flops;
  return std::max(compute, kFloat * (floats_read / rates.read + floats_written / rates.write));
}

double ForwardSeconds(const LayerCost& layer, double rows, const ComputeRates& rates) {
  return Roofline(layer.forward_flops * rows, layer.weights + layer.inputs * rows,
                  layer.outputs * rows, rates);
}

double BackwardSeconds(const LayerCost& layer, double rows, const ComputeRates& rates) {
  const double errors = layer.outputs * rows;
  double seconds = 0;
  if (layer.sends_down) {
    seconds +=
        Roofline(layer.feedback_flops * rows, layer.weights + errors, layer.deltas * rows, rates);
  }
  if (layer.weights > 0) {
    seconds +=
        Roofline(layer.update_flops * rows, layer.inputs * rows + errors, layer.weights, rates);
  }
  return seconds;
}

double ApplySeconds(const LayerCost& layer, const ComputeRates& rates) {
  return Roofline(0, layer.weights * (1 + layer.matrices), layer.weights * layer.matrices, rates);
}

}  // namespace

double NetworkCost::Flops() const {
  double flops = 0;
  for (const LayerCost& layer : layers) {
    flops += layer.forward_flops + layer.feedback_flops + layer.update_flops;
  }
  return flops;
}

double NetworkCost::Weights() const {
  double weights = 0;
  for (const LayerCost& layer : layers) weights += layer.weights;
  return weights;
}

absl::StatusOr<NetworkCost> CostOf(const spec::Job& job, Operations operations) {
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(job.dataset.name));
  HEBB_ASSIGN_OR_RETURN(const auto resolved, spec::ResolveNetwork(job.network, facts));
  const int signals = 1 + (LearnsFeedback(job.learning.rule) ? 1 : 0);
  const bool plain =
      operations == Operations::kPlainSums || job.learning.precision != spec::Precision::kFloat32;
  const bool has_velocities = job.learning.optimizer.momentum > 0;
  NetworkCost network;
  std::vector<bool> learns_below(resolved.size());
  for (size_t i = 0; i < resolved.size(); ++i) {
    const spec::ResolvedLayer& shapes = resolved[i];
    LayerCost cost;
    cost.name = job.network.layers[i].name;
    cost.outputs = Size(shapes.output);
    for (const int input : shapes.inputs) {
      cost.inputs += input < 0 ? Size(facts.image) : Size(resolved[input].output);
      if (input < 0 || !learns_below[input]) continue;
      cost.sends_down = true;
      cost.deltas += Size(resolved[input].output);
    }
    const spec::LayerOp& op = job.network.layers[i].op;
    if (std::holds_alternative<spec::Conv>(op) || std::holds_alternative<spec::Dense>(op)) {
      CountProducts(op, shapes, plain, cost);
      cost.matrices = (cost.sends_down ? signals : 1) * (has_velocities ? 2 : 1);
    }
    learns_below[i] = cost.sends_down || cost.weights > 0;
    network.layers.push_back(std::move(cost));
  }
  return network;
}

double FloorSeconds(const NetworkCost& cost, double rows, const ComputeRates& rates) {
  double seconds = 0;
  for (LayerCost layer : cost.layers) {
    layer.inputs = layer.outputs = layer.deltas = 0;
    seconds += ForwardSeconds(layer, rows, rates) + BackwardSeconds(layer, rows, rates) +
               ApplySeconds(layer, rates);
  }
  return seconds;
}

double SumSeconds(double floats, int workers, const Link& link) {
  if (workers == 1) return 0;
  const double others = workers - 1;
  const double round = link.latency + (others - 1) * link.message;
  if (floats <= kDirectFloats) return round + others * kFloat * floats / link.bytes_per_second;
  return 2 * (round + others / workers * kFloat * floats / link.bytes_per_second);
}

double StepSeconds(const NetworkCost& cost, double rows, const ComputeRates& rates, int workers,
                   const Link& link) {
  double now = 0;
  for (const LayerCost& layer : cost.layers) now += ForwardSeconds(layer, rows, rates);
  double sums_done = 0;
  double apply = 0;
  for (auto layer = cost.layers.rbegin(); layer != cost.layers.rend(); ++layer) {
    now += BackwardSeconds(*layer, rows, rates);
    apply += ApplySeconds(*layer, rates);
    if (layer->weights == 0) continue;
    sums_done = std::max(now, sums_done) + SumSeconds(layer->weights, workers, link);
  }
  const double losses = SumSeconds(1, workers, link);
  return std::max(now, sums_done) + losses + apply;
}

}  // namespace hebb::bench
