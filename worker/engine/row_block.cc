// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/row_block.h"

#include <algorithm>
#include <new>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
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
  const BlockParts& parts;
  nn::ConvScratch* scratch;

  bool asymmetric() const { return planned.update.feedback > 0; }

  nn::JointOptions Joint(spec::Activation activation) const {
    return {.activation = activation,
            .asymmetric = asymmetric(),
            .pool = &parts.pool,
            .fold = &parts.fold,
            .bf16 = parts.plan.bf16};
  }

  LayerOr operator()(const spec::Conv& conv) const {
    const nn::ConvShape shape = ConvShapeOf(conv, planned.resolved);
    if (conv.untied) return nn::MakeUntiedLayer(shape, Joint(conv.activation), *matrices);
    return nn::MakeConvLayer(shape, {conv.activation, asymmetric(), parts.plan.bf16}, *matrices,
                             scratch);
  }
  LayerOr operator()(const spec::Dense& dense) const {
    return nn::MakeDenseLayer(planned.resolved.input.size(), dense.units, Joint(dense.activation),
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

}  // namespace

RowBlock::RowBlock(const BlockParts& parts, Kind kind, int64_t max_rows)
    : parts_(parts),
      kind_(kind),
      max_rows_(max_rows),
      augmented_(parts.plan.image.size()),
      node_parts_(parts.fold.roots()) {
  int64_t inputs = 0, outputs = 0;
  for (const PlannedLayer& planned : parts.plan.layers) {
    if (!planned.mirrors || planned.joint != (kind == Kind::kJoint)) continue;
    inputs = std::max(inputs, planned.resolved.input.size());
    outputs = std::max(outputs, planned.resolved.output.size());
  }
  noise_ = device::FloatBuffer(max_rows * inputs);
  response_ = device::FloatBuffer(max_rows * outputs);
}

absl::StatusOr<std::unique_ptr<RowBlock>> RowBlock::Create(const BlockParts& parts, Kind kind,
                                                           int64_t max_rows) {
  std::unique_ptr<RowBlock> block(new RowBlock(parts, kind, max_rows));
  for (const PlannedLayer& planned : parts.plan.layers) {
    HEBB_RETURN_IF_ERROR(block->AddLayer(planned));
  }
  return block;
}

absl::Status RowBlock::AddLayer(const PlannedLayer& planned) {
  layer_inputs_.emplace_back(planned.resolved.inputs.size());
  const int index = static_cast<int>(layers_.size());
  layers_.emplace_back();
  if (planned.joint != (kind_ == Kind::kJoint)) return absl::OkStatus();
  const nn::LayerMatrices* matrices =
      planned.parameter >= 0 ? &parts_.parameters.layer(planned.parameter).prepared() : nullptr;
  const LayerMaker maker = {planned, matrices, index, parts_, &scratch_};
  HEBB_ASSIGN_OR_RETURN(layers_.back(), std::visit(maker, planned.layer.op));
  return absl::OkStatus();
}

void RowBlock::Begin(const StepContext& context, int64_t first, int64_t rows, bool training) {
  StepMemory& memory = parts_.memory;
  HEBB_CHECK(rows <= max_rows_ && first + rows <= memory.max_rows());
  first_ = first;
  batch_ = {rows, training, context.seed, context.epoch, memory.ids(first, rows)};
  batch_size_ = context.batch_size;
}

// Outputs of layers, or the image.
std::span<const float* const> RowBlock::InputsOf(int layer) {
  const std::vector<int>& inputs = parts_.plan.layers[layer].resolved.inputs;
  std::vector<const float*>& found = layer_inputs_[layer];
  for (size_t i = 0; i < inputs.size(); ++i) {
    found[i] = inputs[i] < 0 ? parts_.memory.image(first_) : OutputOf(inputs[i]);
  }
  return found;
}

absl::Status RowBlock::Load(std::span<const Sample> samples) {
  HEBB_CHECK(static_cast<int64_t>(samples.size()) == batch_.rows);
  if (samples.empty()) return absl::OkStatus();  // a last batch smaller than the slices
  HEBB_RETURN_IF_ERROR(Prepare(batch_.rows));
  const Images& images = parts_.images;
  for (int64_t row = 0; row < batch_.rows; ++row) {
    const Sample& sample = samples[row];
    if (sample.label < 0 || sample.label >= parts_.plan.classes) {
      return absl::OutOfRangeError(absl::StrCat("record ", sample.id, " has label ", sample.label,
                                                " but the network has ", parts_.plan.classes,
                                                " classes; check the data set"));
    }
    parts_.memory.SetSample(first_ + row, sample.id, sample.label);
    const uint8_t* pixels = sample.pixels;
    if (batch_.training && images.augmenter.changes_images()) {
      images.augmenter.Apply(batch_.epoch, sample.id, pixels, augmented_.data());
      pixels = augmented_.data();
    }
    images.scaler.Scale(pixels, parts_.memory.image(first_ + row));
  }
  return absl::OkStatus();
}

absl::Status RowBlock::Prepare(int64_t rows) {
  if (std::find(prepared_.begin(), prepared_.end(), rows) != prepared_.end()) {
    return absl::OkStatus();
  }
  try {
    for (const std::unique_ptr<nn::Layer>& layer : layers_) {
      if (layer != nullptr) HEBB_RETURN_IF_ERROR(layer->Prepare(rows));
    }
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("no memory left for a step; use a smaller batch_size");
  }
  prepared_.push_back(rows);
  return absl::OkStatus();
}

absl::Status RowBlock::Forward(int layer) {
  return layers_[layer]->Forward(batch_, InputsOf(layer), OutputOf(layer));
}

void RowBlock::Statistics(int layer, float* part) {
  batch_statistics(layer)->Part(batch_, InputsOf(layer)[0], part);
}

nn::LossTotals RowBlock::Loss(const spec::Loss& loss, int64_t rows) {
  const int last = static_cast<int>(layers_.size()) - 1;
  return nn::ComputeLoss(loss, parts_.plan.classes, parts_.memory.labels(first_, rows),
                         std::max<int64_t>(batch_size_, 1), OutputOf(last),
                         batch_.training ? DeltaOf(last) : nullptr);
}

absl::Status RowBlock::Restore(int layer) {
  for (int restored : parts_.plan.layers[layer].restores) HEBB_RETURN_IF_ERROR(Forward(restored));
  return absl::OkStatus();
}

float* RowBlock::BeginBackward(int layer, bool direct) {
  const PlannedLayer& planned = parts_.plan.layers[layer];
  float* delta = DeltaOf(layer);
  if (direct && planned.direct) {
    nn::DirectFeedback(batch_.rows, parts_.plan.classes, planned.resolved.output.size(),
                       DeltaOf(layers() - 1),
                       parts_.parameters.layer(planned.parameter).feedback().data(), delta);
  }
  return delta;
}

nn::UpdateParts RowBlock::PartsOf(int layer, float* update) const {
  const PlannedLayer& planned = parts_.plan.layers[layer];
  const UpdateLayout& layout = planned.update;
  nn::UpdateParts parts{.forward = update};
  if (layout.feedback > 0 && !planned.mirrors) parts.feedback = update + layout.forward;
  if (layout.bias > 0) parts.bias = update + layout.forward + layout.feedback;
  return parts;
}

absl::Status RowBlock::LocalUpdate(int layer, float* update) {
  return layers_[layer]->LocalUpdate(TraceOf(layer), DeltaOf(layer), PartsOf(layer, update));
}

absl::Status RowBlock::JointUpdate(int layer, std::span<const int64_t> offsets,
                                   std::span<float* const> nodes) {
  for (size_t i = 0; i < nodes.size(); ++i) node_parts_[i] = PartsOf(layer, nodes[i]);
  nn::Layer::Trace trace = TraceOf(layer);
  trace.offsets = offsets;
  return layers_[layer]->JointUpdate(trace, DeltaOf(layer), node_parts_);
}

absl::Status RowBlock::MirrorUpdate(int layer, const StepContext& context, double width,
                                    std::span<const int64_t> offsets,
                                    std::span<float* const> updates) {
  const PlannedLayer& planned = parts_.plan.layers[layer];
  const int64_t units = planned.resolved.input.size();
  for (int64_t row = 0; row < batch_.rows; ++row) {
    nn::DrawNoise(
        RandomStream(context.seed, RandomPurpose::kMirror, static_cast<uint32_t>(layer),
                     static_cast<uint32_t>(context.step), static_cast<uint32_t>(batch_.ids[row])),
        width, noise_.span().subspan(row * units, units));
  }
  const float* noise = noise_.data();
  const std::span<const float* const> inputs(&noise, 1);
  HEBB_RETURN_IF_ERROR(layers_[layer]->Forward(batch_, inputs, response_.data()));
  const nn::Layer::Trace trace = {batch_.rows, inputs, response_.data(), offsets};
  const int64_t mirror = planned.update.forward;  // where the mirror's part begins
  if (!planned.joint) {
    return layers_[layer]->LocalUpdate(trace, response_.data(), {.forward = updates[0] + mirror});
  }
  for (size_t i = 0; i < updates.size(); ++i) node_parts_[i] = {.forward = updates[i] + mirror};
  return layers_[layer]->JointUpdate(trace, response_.data(), node_parts_);
}

absl::Status RowBlock::SendDown(int layer, bool saturates) {
  if (!parts_.plan.layers[layer].sends_down) return absl::OkStatus();
  const size_t inputs = parts_.plan.layers[layer].deliveries.size();
  for (size_t i = 0; i < inputs; ++i) {
    HEBB_RETURN_IF_ERROR(Deliver(layer, static_cast<int>(i), saturates));
  }
  return absl::OkStatus();
}

absl::Status RowBlock::Deliver(int layer, int input, bool saturates) {
  const PlannedLayer& planned = parts_.plan.layers[layer];
  const Delivery delivery = planned.deliveries[input];
  if (delivery == Delivery::kNone || delivery == Delivery::kHandOver) return absl::OkStatus();
  const int to = planned.resolved.inputs[input];
  if (delivery == Delivery::kWrite) return PassDown(layer, input, saturates, DeltaOf(to));
  const float* arrival = DeltaOf(layer);
  if (!layers_[layer]->passes_delta()) {
    float* const scratch = parts_.memory.scratch(first_, thread_);
    HEBB_RETURN_IF_ERROR(PassDown(layer, input, saturates, scratch));
    arrival = scratch;
  }
  nn::AddInto(Units(to), arrival, DeltaOf(to));
  return absl::OkStatus();
}

absl::Status RowBlock::PassDown(int layer, int input, bool saturates, float* arrival) {
  const PlannedLayer& planned = parts_.plan.layers[layer];
  HEBB_RETURN_IF_ERROR(layers_[layer]->Backward(TraceOf(layer), DeltaOf(layer), input, arrival));
  const bool through_matrix = planned.parameter >= 0 && planned.statistics_sum < 0;
  if (saturates && parts_.plan.saturated_feedback > 0 && through_matrix) {
    nn::SaturateSignal(batch_.rows * planned.resolved.input.size(), parts_.plan.saturated_feedback,
                       arrival);
  }
  return absl::OkStatus();
}

double RowBlock::SaturatedShare(int layer) {
  const int64_t units = Units(layer);
  std::vector<float> slopes(units, 1.0f);
  layers_[layer]->Gate(TraceOf(layer), slopes.data());
  const double least = 0.01 * SteepestSlope(parts_.plan.layers[layer].layer.op);
  const auto flat =
      std::count_if(slopes.begin(), slopes.end(), [least](float slope) { return slope < least; });
  return static_cast<double>(flat) / static_cast<double>(units);
}

double RowBlock::SilentShare(int layer) {
  const std::span<const float> values(OutputOf(layer), static_cast<size_t>(Units(layer)));
  const auto silent = std::count(values.begin(), values.end(), 0.0f);
  return static_cast<double>(silent) / static_cast<double>(values.size());
}

}  // namespace hebb::engine
