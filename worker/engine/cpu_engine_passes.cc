// SPDX-License-Identifier: Apache-2.0
// A step's passes up and down the network.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/engine/cpu_engine.h"

namespace hebb::engine {

absl::Status CpuEngine::ForEachBlock(
    int blocks, absl::FunctionRef<absl::Status(int index, RowBlock& block)> action) {
  pool_.ParallelFor(blocks, [&](int index, int thread) {
    blocks_[index]->OnThread(thread);
    statuses_[index] = action(index, *blocks_[index]);
  });
  for (const absl::Status& status : std::span(statuses_).first(blocks)) {
    HEBB_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status CpuEngine::ForEachSlice(
    absl::FunctionRef<absl::Status(int slice, RowBlock& block)> action) {
  return ForEachBlock(static_cast<int>(runs_.size()), action);
}

// ---- up ----------------------------------------------------------------------------------------

// The layer's sums, where it is a normalisation over the batch whose input is complete.
void CpuEngine::WriteStatistics(int slice, int layer, RowBlock& block) {
  const int sum = plan_.layers[layer].statistics_sum;
  float* part = ready_->Part(slice, sum);
  if (block.rows() == 0) {
    std::fill_n(part, plan_.sums[sum].size, 0.0f);
  } else {
    block.Statistics(layer, part);
  }
}

absl::Status CpuEngine::LeadUp(int slice, int layer, RowBlock& block) {
  if (layer >= static_cast<int>(plan_.layers.size()) || !plan_.layers[layer].over_batch) {
    return absl::OkStatus();
  }
  WriteStatistics(slice, layer, block);
  return ready_->Done(plan_.layers[layer].statistics_sum);
}

absl::Status CpuEngine::LoadSlices() {
  return ForEachSlice([&](int slice, RowBlock& block) -> absl::Status {
    HEBB_RETURN_IF_ERROR(block.Load(runs_[slice].samples));
    return LeadUp(slice, 0, block);
  });
}

absl::Status CpuEngine::PassUp(const StepContext& context, const Pass& pass, SumSink& sink) {
  if (pass.joint) {
    if (joint_->rows() > 0) HEBB_RETURN_IF_ERROR(joint_->Forward(pass.begin));
    return ForEachSlice([&](int slice, RowBlock& block) { return LeadUp(slice, pass.end, block); });
  }
  std::span<const float> sums;
  const PlannedLayer& first = plan_.layers[pass.begin];
  if (first.over_batch) {
    HEBB_ASSIGN_OR_RETURN(sums, sink.WaitForSum(first.statistics_sum));
  }
  const spec::Shape& shape = first.resolved.output;
  return ForEachSlice([&](int slice, RowBlock& block) -> absl::Status {
    if (!sums.empty()) {
      block.batch_statistics(pass.begin)
          ->Take(sums, context.batch_size * shape.height * shape.width);
    }
    for (int layer = pass.begin; layer < pass.end; ++layer) {
      const PlannedLayer& planned = plan_.layers[layer];
      if (planned.statistics_sum >= 0 && !planned.over_batch) {
        WriteStatistics(slice, layer, block);
        HEBB_RETURN_IF_ERROR(ready_->Done(planned.statistics_sum));
      }
      if (block.rows() > 0) HEBB_RETURN_IF_ERROR(block.Forward(layer));
    }
    return LeadUp(slice, pass.end, block);
  });
}

absl::Status CpuEngine::FinishForward(const StepContext& context) {
  return ForEachSlice([&](int slice, RowBlock& block) -> absl::Status {
    if (block.rows() == 0) return absl::OkStatus();
    const nn::LossTotals totals = block.Loss(loss_, block.rows());
    if (!std::isfinite(totals.loss)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "layer ", plan_.layers.back().layer.name, ": the loss is not finite at epoch ",
          context.epoch, "; lower learning.optimizer.sgd.learning_rate"));
    }
    *runs_[slice].totals = {static_cast<float>(totals.loss), static_cast<float>(totals.correct)};
    return absl::OkStatus();
  });
}

// ---- down --------------------------------------------------------------------------------------

// The layer's G of this slice; layers that do not learn have none.
absl::Status CpuEngine::UpdateLayer(const StepContext& context, int slice, int layer,
                                    RowBlock& block) {
  const PlannedLayer& planned = plan_.layers[layer];
  const bool learns = planned.parameter >= 0;
  if (block.rows() == 0) {
    if (!learns) return absl::OkStatus();
    std::fill_n(ready_->Part(slice, planned.update_sum), planned.update.total(), 0.0f);
    return ready_->Done(planned.update_sum);
  }
  if (!planned.needs_delta || (plan_.direct && !learns)) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(block.Restore(layer));
  block.BeginBackward(layer, plan_.direct);
  block.Gate(layer);
  if (!learns) return absl::OkStatus();
  float* const part = ready_->Part(slice, planned.update_sum);
  HEBB_RETURN_IF_ERROR(block.LocalUpdate(layer, part));
  if (planned.mirrors) {
    // Comes last: its noise spoils what the layer remembers.
    HEBB_RETURN_IF_ERROR(SendDown(layer, block));
    HEBB_RETURN_IF_ERROR(block.MirrorUpdate(layer, context, mirror_noise_, {}, {&part, 1}));
  }
  return ready_->Done(planned.update_sum);
}

absl::Status CpuEngine::UpdateJointLayer(const StepContext& context, int layer) {
  const PlannedLayer& planned = plan_.layers[layer];
  const std::span<float* const> nodes = ready_->Nodes(planned.update_sum);
  joint_->BeginBackward(layer, plan_.direct);
  joint_->Gate(layer);
  HEBB_RETURN_IF_ERROR(joint_->JointUpdate(layer, offsets_, nodes));
  if (planned.mirrors) {
    HEBB_RETURN_IF_ERROR(SendDown(layer, *joint_));
    HEBB_RETURN_IF_ERROR(joint_->MirrorUpdate(layer, context, mirror_noise_, offsets_, nodes));
  }
  return ready_->NodesDone(planned.update_sum);
}

absl::Status CpuEngine::SendDown(int layer, RowBlock& block) {
  return plan_.direct || block.rows() == 0 ? absl::OkStatus() : block.SendDown(layer);
}

// Whether the error may go on below the layer only once its sum has arrived.
bool CpuEngine::Waits(int layer) const {
  const PlannedLayer& planned = plan_.layers[layer];
  return planned.parameter >= 0 && planned.sends_down && (plan_.after_update || planned.over_batch);
}

absl::Status CpuEngine::TakeSum(const StepContext& context, int layer, SumSink& sink) {
  const PlannedLayer& planned = plan_.layers[layer];
  HEBB_ASSIGN_OR_RETURN(const std::span<const float> sum, sink.WaitForSum(planned.update_sum));
  HEBB_CHECK(static_cast<int64_t>(sum.size()) == planned.update.total());
  absl::Status staged;
  pool_.ParallelFor(1, [&](int, int) {
    if (planned.over_batch) {
      for (const auto& block : blocks_) block->batch_statistics(layer)->TakeUpdate(sum);
    }
    if (plan_.after_update) {
      staged = parameters_->layer(planned.parameter).StageSignal(sum, context);
    }
  });
  return staged;
}

absl::Status CpuEngine::JointPassDown(const StepContext& context, int layer, SumSink& sink) {
  HEBB_RETURN_IF_ERROR(UpdateJointLayer(context, layer));
  if (Waits(layer)) HEBB_RETURN_IF_ERROR(TakeSum(context, layer, sink));
  return plan_.layers[layer].mirrors ? absl::OkStatus() : SendDown(layer, *joint_);
}

absl::Status CpuEngine::PassDown(const StepContext& context, const Pass& pass, SumSink& sink) {
  if (pass.joint) return JointPassDown(context, pass.begin, sink);
  const bool waits = Waits(pass.begin);
  const auto down = [&](int slice, RowBlock& block) -> absl::Status {
    for (int layer = pass.end - 1; layer >= pass.begin; --layer) {
      HEBB_RETURN_IF_ERROR(UpdateLayer(context, slice, layer, block));
      const bool stops = waits && layer == pass.begin;
      if (plan_.layers[layer].mirrors || stops) continue;
      HEBB_RETURN_IF_ERROR(SendDown(layer, block));
    }
    return absl::OkStatus();
  };
  HEBB_RETURN_IF_ERROR(ForEachSlice(down));
  if (!waits) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(TakeSum(context, pass.begin, sink));
  if (plan_.layers[pass.begin].mirrors) return absl::OkStatus();
  return ForEachSlice([&](int, RowBlock& block) { return SendDown(pass.begin, block); });
}

}  // namespace hebb::engine
