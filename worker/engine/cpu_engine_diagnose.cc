// SPDX-License-Identifier: Apache-2.0
// A look at the layers: the angle between the error that the rule sends down and the gradient, and
// how many units are saturated or silent.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/cpu_engine.h"

namespace hebb::engine {

// Of each layer, over the chunks so far.
struct CpuEngine::ErrorAngles {
  struct Sums {
    double product = 0, rule = 0, true_one = 0;
  };
  std::vector<Sums> layers;

  std::optional<double> Degrees(int layer) const {
    const Sums& s = layers[layer];
    const double norms = std::sqrt(s.rule * s.true_one);
    if (norms <= 0) return std::nullopt;
    return std::acos(std::clamp(s.product / norms, -1.0, 1.0)) * 180 / std::numbers::pi;
  }
};

absl::Status CpuEngine::InBlock(int layer,
                                absl::FunctionRef<absl::Status(RowBlock& block)> action) {
  if (plan_.layers[layer].joint) return action(*joint_);
  absl::Status status;
  pool_.ParallelFor(1, [&](int, int) { status = action(*blocks_[0]); });
  return status;
}

absl::Status CpuEngine::LoadAlone(const StepContext& context, std::span<const Sample> chunk) {
  const auto rows = static_cast<int64_t>(chunk.size());
  HEBB_RETURN_IF_ERROR(joint_->Prepare(rows));
  joint_->Begin(context, 0, rows, /*training=*/true);
  blocks_[0]->Begin(context, 0, rows, /*training=*/true);
  return ForEachBlock(1, [chunk](int, RowBlock& block) { return block.Load(chunk); });
}

absl::Status CpuEngine::ForwardAlone() {
  for (int layer = 0; layer < static_cast<int>(plan_.layers.size()); ++layer) {
    HEBB_RETURN_IF_ERROR(InBlock(layer, [&](RowBlock& block) {
      const PlannedLayer& planned = plan_.layers[layer];
      if (planned.over_batch) {
        const spec::Shape& shape = planned.resolved.output;
        std::vector<float> sums(2 * shape.channels);
        block.Statistics(layer, sums.data());
        block.batch_statistics(layer)->Take(sums, block.rows() * shape.height * shape.width);
      }
      return block.Forward(layer);
    }));
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::BackwardAlone(
    Signal signal, absl::FunctionRef<void(int layer, std::span<const float> delta)> look) {
  const bool of_rule = signal == Signal::kOfRule;
  const bool direct = of_rule && plan_.direct;
  for (int layer = static_cast<int>(plan_.layers.size()) - 1; layer >= 0; --layer) {
    const PlannedLayer& planned = plan_.layers[layer];
    if (!planned.needs_delta || (direct && planned.parameter < 0)) continue;
    const auto down = [&](RowBlock& block) -> absl::Status {
      const float* delta = block.BeginBackward(layer, direct);
      look(layer, {delta, static_cast<size_t>(block.rows() * planned.resolved.output.size())});
      block.Gate(layer);
      nn::BatchStatistics* norm = block.batch_statistics(layer);
      if (norm != nullptr) {  // its backward pass needs the sums of its update
        std::vector<float> update(planned.update.total());
        HEBB_RETURN_IF_ERROR(block.LocalUpdate(layer, update.data()));
        if (norm->over_batch()) norm->TakeUpdate(update);
      }
      return direct ? absl::OkStatus() : block.SendDown(layer, /*saturates=*/of_rule);
    };
    HEBB_RETURN_IF_ERROR(InBlock(layer, down));
  }
  return absl::OkStatus();
}

std::vector<Sample> CpuEngine::FilledChunk(std::span<const Sample> samples) {
  std::vector<Sample> chunk(kEvaluationRows);
  for (size_t i = 0; i < chunk.size(); ++i) chunk[i] = samples[i % samples.size()];
  return chunk;
}

absl::Status CpuEngine::DiagnoseChunk(const StepContext& context, std::span<const Sample> chunk,
                                      ErrorAngles& angles, std::vector<LayerDiagnostics>& found) {
  HEBB_RETURN_IF_ERROR(LoadAlone(context, chunk));
  HEBB_RETURN_IF_ERROR(ForwardAlone());
  // Both backward passes start from the one forward pass; each takes the loss's delta anew, for it
  // is turned into d in place.
  const auto pass = [&](Signal signal,
                        absl::FunctionRef<void(int layer, std::span<const float> delta)> look) {
    blocks_[0]->Loss(loss_, blocks_[0]->rows());
    return BackwardAlone(signal, look);
  };
  HEBB_RETURN_IF_ERROR(parameters_->BorrowForward(pool_));
  // The gradients wait where the outputs of a next chunk would be.
  const auto gradient_of = [&](int layer) { return memory_->output(layer, kEvaluationRows); };
  HEBB_RETURN_IF_ERROR(pass(Signal::kOfGradient, [&](int layer, std::span<const float> delta) {
    std::copy(delta.begin(), delta.end(), gradient_of(layer));
  }));
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(context, pool_));
  HEBB_RETURN_IF_ERROR(pass(Signal::kOfRule, [&](int layer, std::span<const float> delta) {
    ErrorAngles::Sums& sums = angles.layers[layer];
    const float* gradient = gradient_of(layer);
    for (size_t i = 0; i < delta.size(); ++i) {
      sums.product += double{delta[i]} * gradient[i];
      sums.rule += double{delta[i]} * delta[i];
      sums.true_one += double{gradient[i]} * gradient[i];
    }
  }));
  for (size_t p = 0; p < found.size(); ++p) {
    const int layer = plan_.parameters[p].layer_index;
    RowBlock& block = plan_.layers[layer].joint ? *joint_ : *blocks_[0];
    found[p].saturated = found[p].saturated.value_or(0) + block.SaturatedShare(layer);
    found[p].sparsity = found[p].sparsity.value_or(0) + block.SilentShare(layer);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LayerDiagnostics>> CpuEngine::Diagnose(
    const StepContext& context, std::span<const Sample> samples,
    std::span<const std::span<const float>> sums) {
  HEBB_CHECK(!samples.empty());
  StepContext look = context;
  look.batch_size = kEvaluationRows;
  look.first_of_epoch = false;
  HEBB_RETURN_IF_ERROR(parameters_->PrepareForward(pool_));
  std::vector<LayerDiagnostics> found(plan_.parameters.size());
  ErrorAngles angles;
  angles.layers.resize(plan_.layers.size());
  const size_t chunks = std::max<size_t>(samples.size() / kEvaluationRows, 1);
  for (size_t c = 0; c < chunks; ++c) {
    const std::vector<Sample> chunk = FilledChunk(samples.subspan(c * kEvaluationRows));
    HEBB_RETURN_IF_ERROR(DiagnoseChunk(look, chunk, angles, found));
  }
  for (size_t p = 0; p < found.size(); ++p) {
    const ParameterInfo& info = plan_.parameters[p];
    const LayerWeights& layer = parameters_->layer(static_cast<int>(p));
    found[p].layer = info.layer;
    found[p].error_angle = angles.Degrees(info.layer_index);
    *found[p].saturated /= static_cast<double>(chunks);
    *found[p].sparsity /= static_cast<double>(chunks);
    if (sums.empty()) continue;
    found[p].forward_update_norm = layer.ForwardNorm(sums[info.sum], context);
    found[p].feedback_update_norm = layer.FeedbackNorm(sums[info.sum], context);
  }
  return found;
}

}  // namespace hebb::engine
