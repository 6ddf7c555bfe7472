// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/slice_state.h"

#include <algorithm>
#include <new>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/nn/activation.h"
#include "worker/nn/add.h"
#include "worker/nn/avg_pool.h"
#include "worker/nn/batch_norm.h"
#include "worker/nn/conv_layer.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/direct_feedback.h"
#include "worker/nn/draw.h"
#include "worker/nn/dropout.h"
#include "worker/nn/elementwise.h"
#include "worker/nn/max_pool.h"
#include "worker/nn/untied_layer.h"

namespace hebb::engine {
namespace {

using LayerOr = absl::StatusOr<std::unique_ptr<nn::Layer>>;

// Makes the layer for one kind of op.
struct LayerMaker {
  const PlannedLayer& planned;
  const nn::LayerMatrices* matrices;  // of layers that learn
  int layer_index;

  nn::WeightedOptions Options(spec::Activation activation) const {
    return {.activation = activation, .asymmetric = planned.update.feedback > 0};
  }

  LayerOr operator()(const spec::Conv& conv) const {
    const nn::ConvShape shape = ConvShapeOf(conv, planned.resolved);
    if (conv.untied) return nn::MakeUntiedLayer(shape, conv.activation, *matrices);
    return nn::MakeConvLayer(shape, Options(conv.activation), *matrices);
  }
  LayerOr operator()(const spec::Dense& dense) const {
    return nn::MakeDenseLayer(planned.resolved.input.size(), dense.units, Options(dense.activation),
                              *matrices);
  }
  LayerOr operator()(const spec::MaxPool& pool) const {
    return nn::MakeMaxPool(pool, planned.resolved);
  }
  LayerOr operator()(const spec::AvgPool& pool) const {
    return nn::MakeAvgPool(pool, planned.resolved);
  }
  LayerOr operator()(const spec::GlobalAvgPool&) const {
    return nn::MakeGlobalAvgPool(planned.resolved.input);
  }
  LayerOr operator()(const spec::BatchNorm& norm) const {
    return nn::MakeBatchNorm(norm, planned.resolved.output, *matrices);
  }
  LayerOr operator()(const spec::Dropout& dropout) const {
    return nn::MakeDropout(planned.resolved.output, dropout, layer_index);
  }
  LayerOr operator()(const spec::Add& add) const {
    return nn::MakeAdd(planned.resolved.output.size(), add.activation);
  }
};

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

}  // namespace

SliceState::SliceState(const Plan& plan, const Parameters& parameters, const Images& images,
                       int64_t max_rows)
    : plan_(plan),
      parameters_(parameters),
      images_(images),
      max_rows_(max_rows),
      ids_(max_rows),
      labels_(max_rows),
      image_(max_rows * plan.image.size()),
      augmented_(plan.image.size()),
      scratch_(max_rows * plan.scratch) {
  for (int64_t floats : plan.delta_slots) deltas_.emplace_back(max_rows * floats);
  int64_t inputs = 0, outputs = 0;
  for (const ParameterInfo& info : plan.parameters) {
    const PlannedLayer& planned = plan.layers[info.layer_index];
    if (!planned.mirrors) continue;
    inputs = std::max(inputs, planned.resolved.input.size());
    outputs = std::max(outputs, planned.resolved.output.size());
  }
  noise_ = device::FloatBuffer(max_rows * inputs);
  response_ = device::FloatBuffer(max_rows * outputs);
}

absl::StatusOr<std::unique_ptr<SliceState>> SliceState::Create(const Plan& plan,
                                                               const Parameters& parameters,
                                                               const Images& images,
                                                               int64_t max_rows) {
  std::unique_ptr<SliceState> state(new SliceState(plan, parameters, images, max_rows));
  for (const PlannedLayer& planned : plan.layers) {
    HEBB_RETURN_IF_ERROR(state->AddLayer(planned));
  }
  return state;
}

absl::Status SliceState::AddLayer(const PlannedLayer& planned) {
  const nn::LayerMatrices* matrices =
      planned.parameter >= 0 ? &parameters_.layer(planned.parameter).prepared() : nullptr;
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
    const uint8_t* pixels = sample.pixels;
    if (training && images_.augmenter.changes_images()) {
      images_.augmenter.Apply(context.epoch, sample.id, pixels, augmented_.data());
      pixels = augmented_.data();
    }
    images_.scaler.Scale(pixels, image_.data() + row * plan_.image.size());
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

absl::Status SliceState::Forward(int layer) {
  return layers_[layer]->Forward(batch_, layer_inputs_[layer], outputs_[layer].data());
}

void SliceState::Statistics(int layer, float* part) {
  batch_statistics(layer)->Part(batch_, layer_inputs_[layer][0], part);
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

float* SliceState::BeginBackward(int layer, bool direct) {
  const PlannedLayer& planned = plan_.layers[layer];
  float* delta = DeltaOf(layer);
  if (direct && planned.direct) {
    nn::DirectFeedback(batch_.rows, plan_.classes, planned.resolved.output.size(),
                       DeltaOf(layers() - 1),
                       parameters_.layer(planned.parameter).feedback().data(), delta);
  }
  return delta;
}

absl::Status SliceState::LocalUpdate(int layer, float* update) {
  const PlannedLayer& planned = plan_.layers[layer];
  const UpdateLayout& layout = planned.update;
  nn::UpdateParts parts{.forward = update};
  if (layout.feedback > 0 && !planned.mirrors) parts.feedback = update + layout.forward;
  if (layout.bias > 0) parts.bias = update + layout.forward + layout.feedback;
  return layers_[layer]->LocalUpdate(TraceOf(layer), DeltaOf(layer), parts);
}

absl::Status SliceState::MirrorUpdate(int layer, const StepContext& context, double width,
                                      float* update) {
  const PlannedLayer& planned = plan_.layers[layer];
  const int64_t units = planned.resolved.input.size();
  for (int64_t row = 0; row < batch_.rows; ++row) {
    nn::DrawNoise(
        RandomStream(context.seed, RandomPurpose::kMirror, static_cast<uint32_t>(layer),
                     static_cast<uint32_t>(context.step), static_cast<uint32_t>(ids_[row])),
        width, noise_.span().subspan(row * units, units));
  }
  const float* noise = noise_.data();
  const std::span<const float* const> inputs(&noise, 1);
  HEBB_RETURN_IF_ERROR(layers_[layer]->Forward(batch_, inputs, response_.data()));
  return layers_[layer]->LocalUpdate({batch_.rows, inputs, response_.data()}, response_.data(),
                                     {.forward = update + planned.update.forward});
}

absl::Status SliceState::SendDown(int layer, bool saturates) {
  if (!plan_.layers[layer].sends_down) return absl::OkStatus();
  const size_t inputs = plan_.layers[layer].deliveries.size();
  for (size_t i = 0; i < inputs; ++i) {
    HEBB_RETURN_IF_ERROR(Deliver(layer, static_cast<int>(i), saturates));
  }
  return absl::OkStatus();
}

absl::Status SliceState::Deliver(int layer, int input, bool saturates) {
  const PlannedLayer& planned = plan_.layers[layer];
  const Delivery delivery = planned.deliveries[input];
  if (delivery == Delivery::kNone || delivery == Delivery::kHandOver) return absl::OkStatus();
  const int to = planned.resolved.inputs[input];
  if (delivery == Delivery::kWrite) return PassDown(layer, input, saturates, DeltaOf(to));
  const float* arrival = DeltaOf(layer);
  if (!layers_[layer]->passes_delta()) {
    HEBB_RETURN_IF_ERROR(PassDown(layer, input, saturates, scratch_.data()));
    arrival = scratch_.data();
  }
  nn::AddInto(Units(to), arrival, DeltaOf(to));
  return absl::OkStatus();
}

absl::Status SliceState::PassDown(int layer, int input, bool saturates, float* arrival) {
  const PlannedLayer& planned = plan_.layers[layer];
  HEBB_RETURN_IF_ERROR(layers_[layer]->Backward(TraceOf(layer), DeltaOf(layer), input, arrival));
  const bool through_matrix = planned.parameter >= 0 && planned.statistics_sum < 0;
  if (saturates && plan_.saturated_feedback > 0 && through_matrix) {
    nn::SaturateSignal(batch_.rows * planned.resolved.input.size(), plan_.saturated_feedback,
                       arrival);
  }
  return absl::OkStatus();
}

double SliceState::SaturatedShare(int layer) {
  const int64_t units = Units(layer);
  std::vector<float> slopes(units, 1.0f);
  layers_[layer]->Gate(TraceOf(layer), slopes.data());
  const double least = 0.01 * SteepestSlope(plan_.layers[layer].layer.op);
  const auto flat =
      std::count_if(slopes.begin(), slopes.end(), [least](float slope) { return slope < least; });
  return static_cast<double>(flat) / static_cast<double>(units);
}

double SliceState::SilentShare(int layer) const {
  const std::span<const float> values = outputs_[layer].span().first(Units(layer));
  const auto silent = std::count(values.begin(), values.end(), 0.0f);
  return static_cast<double>(silent) / static_cast<double>(values.size());
}

}  // namespace hebb::engine
