// SPDX-License-Identifier: Apache-2.0
// Does the feedback path read forward weights? Poison and compare.
#include <algorithm>
#include <cstring>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/cpu_engine.h"

namespace hebb::engine {
namespace {

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// What is not local although no forward weight is read backwards.
struct NoteOn {
  const std::string& layer;

  std::string operator()(const spec::Conv& conv) const {
    if (conv.untied) return "";
    return absl::StrCat("layer ", layer,
                        ": its weights are tied, so a filter's update is a sum over ",
                        "places that no connection can know; untied: true makes it local");
  }
  std::string operator()(const spec::BatchNorm&) const {
    return absl::StrCat("layer ", layer,
                        ": batch normalisation takes means over samples, and passes ",
                        "errors back through its own scale");
  }
  std::string operator()(const auto&) const { return ""; }
};

void AddNotes(const Plan& plan, const spec::Loss& loss, AuditReport& report) {
  for (const PlannedLayer& planned : plan.layers) {
    std::string note = std::visit(NoteOn{planned.layer.name}, planned.layer.op);
    if (!note.empty()) report.notes.push_back(std::move(note));
    if (planned.mirrors) {
      report.notes.push_back(
          absl::StrCat("layer ", planned.layer.name,
                       ": R learns from the response to noise, in a phase of its "
                       "own"));
    }
  }
  if (std::holds_alternative<spec::CrossEntropy>(loss)) {
    report.notes.push_back(
        "loss cross_entropy: softmax makes each output's error depend on all outputs; hinge is "
        "local");
  }
}

}  // namespace

// parameter < 0: no poison.
absl::StatusOr<CpuEngine::LayerErrors> CpuEngine::ErrorsWithPoison(const StepContext& context,
                                                                   std::span<const Sample> chunk,
                                                                   int parameter) {
  HEBB_RETURN_IF_ERROR(LoadAlone(context, chunk));
  HEBB_RETURN_IF_ERROR(ForwardAlone([](int, RowBlock&) {}));
  blocks_[0]->Loss(loss_, blocks_[0]->rows());
  if (parameter >= 0) parameters_->layer(parameter).PoisonForward();
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(context, pool_));
  LayerErrors errors(plan_.layers.size());
  const absl::Status status =
      BackwardAlone(Signal::kOfRule, [&](int layer, std::span<const float> delta) {
        errors[layer].assign(delta.begin(), delta.end());
      });
  absl::Status healed;
  if (parameter >= 0) {
    pool_.ParallelFor(1, [&](int, int) { healed = parameters_->layer(parameter).HealForward(); });
  }
  HEBB_RETURN_IF_ERROR(status);
  HEBB_RETURN_IF_ERROR(healed);
  return errors;
}

absl::StatusOr<AuditReport> CpuEngine::Audit(const StepContext& context,
                                             std::span<const Sample> samples) {
  HEBB_CHECK(!samples.empty());
  StepContext look = context;
  look.batch_size = kEvaluationRows;
  look.first_of_epoch = true;
  HEBB_RETURN_IF_ERROR(parameters_->PrepareForward(pool_));
  const std::vector<Sample> chunk = FilledChunk(samples);
  HEBB_ASSIGN_OR_RETURN(const LayerErrors clean, ErrorsWithPoison(look, chunk, -1));
  AuditReport report;
  for (int p = static_cast<int>(plan_.parameters.size()) - 1; p >= 0; --p) {
    const LayerWeights& weights = parameters_->layer(p);
    if (weights.is_norm()) continue;
    HEBB_ASSIGN_OR_RETURN(const LayerErrors poisoned, ErrorsWithPoison(look, chunk, p));
    for (int layer = static_cast<int>(plan_.layers.size()) - 1; layer >= 0; --layer) {
      if (SameBits(clean[layer], poisoned[layer])) continue;
      report.reads.push_back(absl::StrCat("layer ", plan_.layers[layer].layer.name,
                                          ": its error was computed from the forward weights of "
                                          "layer ",
                                          plan_.parameters[p].layer));
      break;  // what lies below follows from it
    }
  }
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(look, pool_));
  AddNotes(plan_, loss_, report);
  return report;
}

}  // namespace hebb::engine
