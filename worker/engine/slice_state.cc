// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/slice_state.h"

#include <algorithm>
#include <new>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/nn/add.h"
#include "worker/nn/conv_layer.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/dropout.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/max_pool.h"

namespace hebb::engine {
namespace {

using LayerOr = absl::StatusOr<std::unique_ptr<nn::Layer>>;

// Makes the layer for one kind of op.
struct LayerMaker {
  const PlannedLayer& planned;
  const nn::LayerMatrices* matrices;  // of weighted layers
  int layer_index;

  LayerOr operator()(const spec::Conv& conv) const {
    const spec::ResolvedLayer& r = planned.resolved;
    return nn::MakeConvLayer({r.input, r.output, conv.kernel, r.pad_before, r.pad_after},
                             conv.activation, *matrices);
  }
  LayerOr operator()(const spec::Dense& dense) const {
    return nn::MakeDenseLayer(planned.resolved.input.size(), dense.units, dense.activation,
                              *matrices);
  }
  LayerOr operator()(const spec::MaxPool& pool) const {
    return nn::MakeMaxPool(pool, planned.resolved);
  }
  LayerOr operator()(const spec::Dropout& dropout) const {
    return nn::MakeDropout(planned.resolved.output, dropout.rate, layer_index);
  }
  LayerOr operator()(const spec::Add&) const { return nn::MakeAdd(planned.resolved.output.size()); }
};

}  // namespace

SliceState::SliceState(const Plan& plan, const nn::ImageScaler& scaler, int64_t max_rows)
    : plan_(plan),
      scaler_(scaler),
      max_rows_(max_rows),
      ids_(max_rows),
      labels_(max_rows),
      image_(max_rows * plan.image.size()),
      scratch_(max_rows * plan.scratch) {
  for (int64_t floats : plan.delta_slots) deltas_.emplace_back(max_rows * floats);
}

absl::StatusOr<std::unique_ptr<SliceState>> SliceState::Create(const Plan& plan,
                                                               const Parameters& parameters,
                                                               const nn::ImageScaler& scaler,
                                                               int64_t max_rows) {
  std::unique_ptr<SliceState> state(new SliceState(plan, scaler, max_rows));
  for (const PlannedLayer& planned : plan.layers) {
    HEBB_RETURN_IF_ERROR(state->AddLayer(planned, parameters));
  }
  return state;
}

absl::Status SliceState::AddLayer(const PlannedLayer& planned, const Parameters& parameters) {
  const nn::LayerMatrices* matrices =
      planned.parameter >= 0 ? &parameters.prepared(planned.parameter) : nullptr;
  const int index = static_cast<int>(layers_.size());
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<nn::Layer> layer,
                        std::visit(LayerMaker{planned, matrices, index}, planned.layer.op));
  layers_.push_back(std::move(layer));
  outputs_.emplace_back(max_rows_ * planned.resolved.output.size());
  std::vector<const float*> inputs;
  for (int input : planned.resolved.inputs) {
    inputs.push_back(input < 0 ? image_.data() : outputs_[input].data());
  }
  layer_inputs_.push_back(std::move(inputs));
  return absl::OkStatus();
}

absl::Status SliceState::Load(const StepContext& context, std::span<const Sample> samples,
                              bool training) {
  const int64_t rows = static_cast<int64_t>(samples.size());
  HEBB_CHECK(rows >= 1 && rows <= max_rows_);
  batch_ = {rows, training, context.seed, context.epoch,
            std::span<const int64_t>(ids_).first(samples.size())};
  batch_size_ = context.batch_size;
  for (int64_t row = 0; row < rows; ++row) {
    const Sample& sample = samples[row];
    if (sample.label < 0 || sample.label >= plan_.classes) {
      return absl::OutOfRangeError(absl::StrCat("record ", sample.id, " has label ", sample.label,
                                                " but the network has ", plan_.classes,
                                                " classes; check the data set"));
    }
    ids_[row] = sample.id;
    labels_[row] = sample.label;
    scaler_.Scale(sample.pixels, image_.data() + row * plan_.image.size());
  }
  return absl::OkStatus();
}

absl::Status SliceState::Prepare(int64_t rows) {
  try {
    for (const std::unique_ptr<nn::Layer>& layer : layers_) {
      HEBB_RETURN_IF_ERROR(layer->Prepare(rows));
    }
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("no memory left for a step; use a smaller batch_size");
  }
  return absl::OkStatus();
}

absl::Status SliceState::Forward() {
  for (size_t i = 0; i < layers_.size(); ++i) {
    HEBB_RETURN_IF_ERROR(layers_[i]->Forward(batch_, layer_inputs_[i], outputs_[i].data()));
  }
  return absl::OkStatus();
}

nn::LossTotals SliceState::Loss(const spec::Loss& loss, int64_t rows) {
  const int last = static_cast<int>(layers_.size()) - 1;
  return nn::ComputeLoss(loss, plan_.classes,
                         std::span<const int32_t>(labels_).first(static_cast<size_t>(rows)),
                         std::max<int64_t>(batch_size_, 1), outputs_[last].data(),
                         batch_.training ? DeltaOf(last) : nullptr);
}

nn::Layer::Trace SliceState::TraceOf(int layer) const {
  return {batch_.rows, layer_inputs_[layer], outputs_[layer].data()};
}

absl::Status SliceState::LocalUpdate(int layer, float* update) {
  return layers_[layer]->LocalUpdate(TraceOf(layer), DeltaOf(layer), update);
}

absl::Status SliceState::SendDown(int layer) {
  if (!plan_.layers[layer].sends_down) return absl::OkStatus();
  const size_t inputs = plan_.layers[layer].deliveries.size();
  for (size_t i = 0; i < inputs; ++i) HEBB_RETURN_IF_ERROR(Deliver(layer, static_cast<int>(i)));
  return absl::OkStatus();
}

absl::Status SliceState::Deliver(int layer, int input) {
  const PlannedLayer& planned = plan_.layers[layer];
  const Delivery delivery = planned.deliveries[input];
  if (delivery == Delivery::kNone || delivery == Delivery::kHandOver) return absl::OkStatus();
  const int to = planned.resolved.inputs[input];
  if (delivery == Delivery::kWrite) {
    return layers_[layer]->Backward(TraceOf(layer), DeltaOf(layer), input, DeltaOf(to));
  }
  const int64_t size = batch_.rows * plan_.layers[to].resolved.output.size();
  const float* arrival = DeltaOf(layer);
  if (!layers_[layer]->passes_delta()) {
    HEBB_RETURN_IF_ERROR(
        layers_[layer]->Backward(TraceOf(layer), DeltaOf(layer), input, scratch_.data()));
    arrival = scratch_.data();
  }
  nn::AddInto(size, arrival, DeltaOf(to));
  return absl::OkStatus();
}

}  // namespace hebb::engine
