// SPDX-License-Identifier: Apache-2.0
// A look at the layers: the angle between the error that the rule sends down and the gradient, and
// how many units are saturated or silent.
#include <algorithm>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/cpu_engine.h"
#include "worker/engine/error_angles.h"

namespace hebb::engine {
namespace {

// Where the gradients of a chunk wait for the errors of the rule, by layer with weights: behind the
// chunk's rows of the outputs that are kept, and where these are too few in memory of its own.
class GradientMemory {
 public:
  GradientMemory(const Plan& plan, int64_t rows, StepMemory& memory) : places_(plan.layers.size()) {
    const auto floats_of = [&plan](int layer) { return plan.layers[layer].resolved.output.size(); };
    for (int layer = 0; layer < static_cast<int>(plan.layers.size()); ++layer) {
      if (!plan.keeps_output(layer)) continue;
      spare_.emplace_back(memory.output(layer, rows, 0),
                          (memory.max_rows() - rows) * floats_of(layer));
    }
    for (const ParameterInfo& info : plan.parameters) {
      places_[info.layer_index] = Take(rows * floats_of(info.layer_index));
    }
  }

  // Null where the layer has no weights.
  float* of(int layer) { return places_[layer]; }

 private:
  float* Take(int64_t floats) {
    for (std::span<float>& spare : spare_) {
      if (static_cast<int64_t>(spare.size()) < floats) continue;
      float* const taken = spare.data();
      spare = spare.subspan(static_cast<size_t>(floats));
      return taken;
    }
    own_.emplace_back(floats);
    return own_.back().data();
  }

  std::vector<float*> places_;
  std::vector<std::span<float>> spare_;
  std::vector<device::FloatBuffer> own_;
};

}  // namespace

// Of each layer with weights, over the chunks so far.
struct CpuEngine::Angles {
  ErrorAngles of_layers;
  GradientMemory gradients;

  Angles(const Plan& plan, StepMemory& memory)
      : of_layers(plan.layers.size()), gradients(plan, kEvaluationRows, memory) {}

  void Add(int layer, std::span<const float> delta) {
    of_layers.Add(layer, delta, {gradients.of(layer), delta.size()});
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

absl::Status CpuEngine::ForwardAlone(absl::FunctionRef<void(int layer, RowBlock& block)> look) {
  for (int layer = 0; layer < static_cast<int>(plan_.layers.size()); ++layer) {
    const auto up = [&](RowBlock& block) -> absl::Status {
      const PlannedLayer& planned = plan_.layers[layer];
      if (planned.over_batch) {
        const spec::Shape& shape = planned.resolved.output;
        std::vector<float> sums(2 * shape.channels);
        block.Statistics(layer, sums.data());
        block.batch_statistics(layer)->Take(sums, block.rows() * shape.height * shape.width);
      }
      HEBB_RETURN_IF_ERROR(block.Forward(layer));
      look(layer, block);
      return absl::OkStatus();
    };
    HEBB_RETURN_IF_ERROR(InBlock(layer, up));
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
      HEBB_RETURN_IF_ERROR(block.Restore(layer));
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
                                      Angles& angles, std::vector<LayerDiagnostics>& found) {
  HEBB_RETURN_IF_ERROR(LoadAlone(context, chunk));
  HEBB_RETURN_IF_ERROR(ForwardAlone([&](int layer, RowBlock& block) {
    const int parameter = plan_.layers[layer].parameter;
    if (parameter < 0) return;
    LayerDiagnostics& of_layer = found[parameter];
    of_layer.saturated = of_layer.saturated.value_or(0) + block.SaturatedShare(layer);
    of_layer.sparsity = of_layer.sparsity.value_or(0) + block.SilentShare(layer);
  }));
  // Both backward passes start from the one forward pass; each takes the loss's delta anew, for it
  // is turned into d in place.
  const auto pass = [&](Signal signal,
                        absl::FunctionRef<void(int layer, std::span<const float> delta)> look) {
    blocks_[0]->Loss(loss_, blocks_[0]->rows());
    return BackwardAlone(signal, look);
  };
  HEBB_RETURN_IF_ERROR(parameters_->BorrowForward(pool_));
  HEBB_RETURN_IF_ERROR(pass(Signal::kOfGradient, [&](int layer, std::span<const float> delta) {
    float* const gradient = angles.gradients.of(layer);
    if (gradient != nullptr) std::copy(delta.begin(), delta.end(), gradient);
  }));
  HEBB_RETURN_IF_ERROR(parameters_->PrepareSignals(context, pool_));
  return pass(Signal::kOfRule, [&](int layer, std::span<const float> delta) {
    if (angles.gradients.of(layer) != nullptr) angles.Add(layer, delta);
  });
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
  Angles angles(plan_, *memory_);
  const size_t chunks = std::max<size_t>(samples.size() / kEvaluationRows, 1);
  for (size_t c = 0; c < chunks; ++c) {
    const std::vector<Sample> chunk = FilledChunk(samples.subspan(c * kEvaluationRows));
    HEBB_RETURN_IF_ERROR(DiagnoseChunk(look, chunk, angles, found));
  }
  for (size_t p = 0; p < found.size(); ++p) {
    const ParameterInfo& info = plan_.parameters[p];
    const LayerWeights& layer = parameters_->layer(static_cast<int>(p));
    found[p].layer = info.layer;
    found[p].error_angle = angles.of_layers.Degrees(info.layer_index);
    *found[p].saturated /= static_cast<double>(chunks);
    *found[p].sparsity /= static_cast<double>(chunks);
    if (sums.empty()) continue;
    found[p].forward_update_norm = layer.ForwardNorm(sums[info.sum], context);
    found[p].feedback_update_norm = layer.FeedbackNorm(sums[info.sum], context);
  }
  return found;
}

}  // namespace hebb::engine
