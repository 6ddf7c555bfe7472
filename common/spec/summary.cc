// SPDX-License-Identifier: Apache-2.0
#include "common/spec/summary.h"

#include <utility>
#include <variant>

#include "common/spec/field_info.h"
#include "common/status_macros.h"

namespace hebb::spec {
namespace {

std::string KindOf(const LayerOp& op) { return AlternativeKeys(op)[op.index()]; }

int64_t ParametersOf(const Layer& layer, const ResolvedLayer& shape) {
  if (const auto* conv = std::get_if<Conv>(&layer.op)) {
    const int64_t filter =
        shape.input.channels * conv->kernel * conv->kernel + (conv->bias ? 1 : 0);
    return filter * (conv->untied ? shape.output.size() : conv->filters);
  }
  if (const auto* dense = std::get_if<Dense>(&layer.op)) {
    return dense->units * (shape.input.size() + (dense->bias ? 1 : 0));
  }
  if (std::holds_alternative<BatchNorm>(layer.op)) return 2 * shape.output.channels;
  return 0;
}

}  // namespace

absl::StatusOr<std::vector<LayerSummary>> Summarize(const Job& job) {
  HEBB_ASSIGN_OR_RETURN(const DatasetFacts facts, FactsOfDataset(job.dataset));
  HEBB_ASSIGN_OR_RETURN(const auto resolved, ResolveNetwork(job.network, facts));
  std::vector<LayerSummary> summaries;
  for (size_t i = 0; i < resolved.size(); ++i) {
    const Layer& layer = job.network.layers[i];
    LayerSummary summary;
    summary.name = layer.name;
    summary.kind = KindOf(layer.op);
    for (const int input : resolved[i].inputs) {
      summary.inputs.push_back(input < 0 ? "" : job.network.layers[input].name);
    }
    summary.input = resolved[i].input;
    summary.output = resolved[i].output;
    summary.parameters = ParametersOf(layer, resolved[i]);
    summary.has_weights = resolved[i].has_weights;
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

}  // namespace hebb::spec
