// SPDX-License-Identifier: Apache-2.0
// Does the feedback path read forward weights? Poison and compare.
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/audit_notes.h"
#include "worker/engine/cpu_engine.h"

namespace hebb::engine {
// parameter < 0: no poison.
absl::StatusOr<LayerErrors> CpuEngine::ErrorsWithPoison(const StepContext& context,
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
    AddRead(plan_, clean, poisoned, p, report);
  }
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(look, pool_));
  AddNotes(plan_, loss_, report);
  return report;
}

}  // namespace hebb::engine
