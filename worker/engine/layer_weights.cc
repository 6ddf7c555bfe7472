// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/layer_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/nn/untied_layer.h"

namespace hebb::engine {
namespace {

double ConnectivityOf(const spec::LayerOp& op) {
  if (const auto* conv = std::get_if<spec::Conv>(&op)) return conv->connectivity;
  if (const auto* dense = std::get_if<spec::Dense>(&op)) return dense->connectivity;
  return 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayerWeights>> LayerWeights::Create(const Plan& plan, int parameter,
                                                                   const spec::Job& job, int draw) {
  std::unique_ptr<LayerWeights> weights(new LayerWeights(plan, parameter, job));
  HEBB_RETURN_IF_ERROR(weights->Allocate());
  weights->Draw(draw);
  return weights;
}

LayerWeights::LayerWeights(const Plan& plan, int parameter, const spec::Job& job)
    : planned_(plan.layers[plan.parameters[parameter].layer_index]),
      info_(plan.parameters[parameter]),
      classes_(plan.classes),
      sgd_(job.learning.optimizer),
      options_(job.learning.rule_options),
      distribution_(job.init.distribution),
      seed_(job.seed),
      same_start_(job.learning.feedback_init == spec::FeedbackInit::kSame),
      rule_(RuleOfLayer(job.learning,
                        info_.layer_index + 1 == static_cast<int>(job.network.layers.size()))),
      after_update_(job.learning.propagate == spec::Propagate::kAfterUpdate),
      bf16_(plan.bf16) {
  const spec::ResolvedLayer& r = planned_.resolved;
  if (const auto* conv = std::get_if<spec::Conv>(&planned_.layer.op)) {
    kind_ = conv->untied ? Kind::kUntied : Kind::kConv;
    shape_ = ConvShapeOf(*conv, r);
    fans_ = nn::ConvFans(r.input, r.output, conv->kernel);
    lags_ = conv->untied && options_.feedback_lag == spec::FeedbackLag::kEpoch;
  } else if (std::holds_alternative<spec::Dense>(planned_.layer.op)) {
    fans_ = {r.input.size(), r.output.channels};
  } else {
    kind_ = Kind::kNorm;
  }
}

absl::Status LayerWeights::Allocate() {
  const bool momentum = sgd_.momentum > 0;
  forward_ = device::FloatBuffer(info_.size);
  if (info_.has_feedback) {
    feedback_ = device::FloatBuffer(planned_.direct ? planned_.resolved.output.size() * classes_
                                                    : info_.size);
  }
  if (planned_.update.bias > 0) bias_ = device::FloatBuffer(planned_.update.bias);
  if (kind_ == Kind::kNorm) {
    running_mean_ = device::FloatBuffer(info_.size);
    running_variance_ = device::FloatBuffer(info_.size);
  }
  if (momentum) {
    forward_velocity_ = device::FloatBuffer(info_.size);
    if (rule_->updates_feedback() && info_.has_feedback) {
      feedback_velocity_ = device::FloatBuffer(info_.size);
    }
    if (bias_.size() > 0) bias_velocity_ = device::FloatBuffer(bias_.size());
  }
  if (kind_ == Kind::kNorm) {
    prepared_ = {.forward = forward_.data(),
                 .bias = bias_.data(),
                 .running_mean = running_mean_.data(),
                 .running_variance = running_variance_.data()};
    return absl::OkStatus();
  }
  const rules::Carrier carrier = rule_->carrier();
  if (carrier == rules::Carrier::kDerived || after_update_ || lags_) {
    signal_ = device::FloatBuffer(info_.size);
  }
  if (rule_->redraws_magnitudes()) magnitudes_ = device::FloatBuffer(info_.size);
  if (after_update_) {
    staging_ = device::FloatBuffer(forward_.size() + forward_velocity_.size() + feedback_.size() +
                                   feedback_velocity_.size() + 2 * info_.size);
  }
  prepared_.bias = bias_.size() > 0 ? bias_.data() : nullptr;
  if (kind_ == Kind::kConv) {
    HEBB_ASSIGN_OR_RETURN(packer_, nn::ConvKernels::Create(shape_, bf16_, &packers_scratch_));
    packed_forward_ = device::FloatBuffer(packer_->packed_forward_size());
    packed_feedback_ = device::FloatBuffer(packer_->packed_feedback_size());
    prepared_.forward = packed_forward_.data();
    prepared_.feedback = packed_feedback_.data();
  } else {
    prepared_.forward = forward_.data();
    prepared_.feedback = Signal().data();
  }
  return absl::OkStatus();
}

// ---- first values ------------------------------------------------------------------------------

void LayerWeights::DrawMatrix(RandomPurpose purpose, uint32_t epoch, std::span<float> to) {
  const RandomStream stream(seed_, purpose, static_cast<uint32_t>(info_.layer_index), epoch, 0);
  int64_t count = 1;
  for (int64_t extent : info_.shape) count *= extent;
  std::vector<float> once;
  std::vector<float>& draws = rule_->redraws_magnitudes() ? draws_ : once;
  draws.resize(count);
  const std::span<float> values = draws;
  const auto* conv = std::get_if<spec::Conv>(&planned_.layer.op);
  if (kind_ == Kind::kUntied && conv->untied_start == spec::UntiedStart::kShared) {
    const std::span<float> bank = values.first(static_cast<size_t>(shape_.weights()));
    nn::DrawWeights(distribution_, stream, fans_, bank);
    nn::UntiedFromConv(shape_, bank.data(), to.data());
  } else {
    nn::DrawWeights(distribution_, stream, fans_, values);
    FromCanonical(values.data(), LayerTensor::Layout::kMatrix, to);
  }
}

void LayerWeights::Draw(int draw) {
  const auto epoch = static_cast<uint32_t>(draw);
  if (kind_ == Kind::kNorm) {
    std::fill_n(forward_.data(), forward_.size(), 1.0f);
    std::fill_n(running_variance_.data(), running_variance_.size(), 1.0f);
    return;
  }
  DrawMasks();
  DrawMatrix(RandomPurpose::kWeight, epoch, forward_.span());
  const auto layer = static_cast<uint32_t>(info_.layer_index);
  if (planned_.direct) {
    // Uniform +-sqrt(6 / (units + classes)), as a matrix from the classes to the units would be.
    std::vector<float> values(feedback_.size());
    const int64_t units = planned_.resolved.output.size();
    nn::GlorotUniform(RandomStream(seed_, RandomPurpose::kFeedback, layer, epoch, 0), classes_,
                      units, values);
    FromCanonical(values.data(), LayerTensor::Layout::kDirect, feedback_.span());
  } else if (info_.has_feedback) {
    DrawMatrix(same_start_ ? RandomPurpose::kWeight : RandomPurpose::kFeedback, epoch,
               feedback_.span());
  }
  if (bias_.size() > 0) {
    std::vector<float> values(bias_.size());
    nn::DrawBiases(distribution_, RandomStream(seed_, RandomPurpose::kBias, layer, epoch, 0), fans_,
                   values);
    std::copy(values.begin(), values.end(), bias_.data());
  }
  Imported(/*beside=*/false);
}

void LayerWeights::DrawMasks() {
  const double kept = ConnectivityOf(planned_.layer.op);
  if (kept >= 1) return;
  const auto draw = [&](uint32_t matrix, std::vector<uint8_t>& mask) {
    int64_t count = 1;
    for (int64_t extent : info_.shape) count *= extent;
    std::vector<float> canonical(count);
    nn::DrawMask(RandomStream(seed_, RandomPurpose::kConnectivity,
                              static_cast<uint32_t>(info_.layer_index), 0, matrix),
                 kept, canonical);
    // The way of the matrices leads to the internal layout: 1 and 0 are exact there.
    device::FloatBuffer internal(info_.size);
    FromCanonical(canonical.data(), LayerTensor::Layout::kMatrix, internal.span());
    mask.assign(internal.data(), internal.data() + internal.size());
  };
  draw(0, forward_mask_);
  const bool matrix_feedback =
      (info_.has_feedback && !planned_.direct) || rule_->redraws_magnitudes();
  if (matrix_feedback) draw(same_start_ ? 0 : 1, feedback_mask_);
}

// ---- the signal --------------------------------------------------------------------------------

std::span<const float> LayerWeights::Signal() const {
  if (signal_.size() > 0) return signal_.span();
  return rule_->carrier() == rules::Carrier::kFeedback ? feedback_.span() : forward_.span();
}

absl::Status LayerWeights::PrepareForward() {
  if (kind_ != Kind::kConv) return absl::OkStatus();
  return packer_->PackForward(forward_.data(), packed_forward_.data());
}

absl::Status LayerWeights::PackSignal(std::span<const float> signal) {
  if (kind_ == Kind::kConv) return packer_->PackFeedback(signal.data(), packed_feedback_.data());
  prepared_.feedback = signal.data();
  return absl::OkStatus();
}

std::span<const float> LayerWeights::DrawMagnitudes(const StepContext& context) {
  DrawMatrix(RandomPurpose::kFeedbackMagnitude, static_cast<uint32_t>(context.step),
             magnitudes_.span());
  ZeroRemoved(feedback_mask_, magnitudes_.span());
  return magnitudes_.span();
}

absl::Status LayerWeights::PrepareSignal(const StepContext& context) {
  if (kind_ == Kind::kNorm || rule_->carrier() == rules::Carrier::kDirect) return absl::OkStatus();
  const bool stays = lags_ && !context.first_of_epoch;
  if (rule_->carrier() == rules::Carrier::kDerived && !stays) {
    std::span<const float> feedback = feedback_.span();
    if (rule_->redraws_magnitudes()) feedback = DrawMagnitudes(context);
    Derive(forward_.span(), feedback);
  } else if (signal_.size() > 0 && !stays) {
    const bool through_r = rule_->carrier() == rules::Carrier::kFeedback;
    std::copy_n((through_r ? feedback_ : forward_).data(), info_.size, signal_.data());
  }
  return PackSignal(Signal());
}

void LayerWeights::Derive(std::span<const float> forward, std::span<const float> feedback) {
  const float scale = std::sqrt(2.0f / static_cast<float>(fans_.in + fans_.out));
  rule_->Derive({forward, feedback}, scale, signal_.span());
}

absl::Status LayerWeights::BorrowForward() {
  if (kind_ == Kind::kNorm) return absl::OkStatus();
  return PackSignal(forward_.span());
}

void LayerWeights::PoisonForward() {
  healthy_.assign(forward_.span().begin(), forward_.span().end());
  // All bits set: no number as one float32, nor as two bfloat16.
  const auto poison = std::bit_cast<float>(~uint32_t{0});
  std::fill_n(forward_.data(), forward_.size(), poison);
  std::fill_n(packed_forward_.data(), packed_forward_.size(), poison);
}

absl::Status LayerWeights::HealForward() {
  std::copy(healthy_.begin(), healthy_.end(), forward_.data());
  healthy_ = std::vector<float>();  // gives its memory back, too
  return PrepareForward();
}

// ---- export and import -------------------------------------------------------------------------

std::vector<LayerTensor> LayerWeights::Tensors() {
  using Layout = LayerTensor::Layout;
  const std::string& layer = info_.layer;
  std::vector<LayerTensor> tensors;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape,
                       std::span<float> values, Layout layout) {
    if (values.empty()) return;
    tensors.push_back({name, shape, values, layout, name.find('/') != std::string::npos});
  };
  if (kind_ == Kind::kNorm) {
    add(layer + ".scale", info_.shape, forward_.span(), Layout::kPlain);
    add(layer + ".shift", info_.shape, bias_.span(), Layout::kPlain);
    add(layer + ".running_mean", info_.shape, running_mean_.span(), Layout::kPlain);
    add(layer + ".running_var", info_.shape, running_variance_.span(), Layout::kPlain);
    add("optimizer/" + layer + ".scale", info_.shape, forward_velocity_.span(), Layout::kPlain);
    add("optimizer/" + layer + ".shift", info_.shape, bias_velocity_.span(), Layout::kPlain);
    return tensors;
  }
  std::vector<int64_t> bias_shape = {info_.shape[0]};
  if (kind_ == Kind::kUntied) bias_shape = {info_.shape[0], info_.shape[1], info_.shape[2]};
  const std::vector<int64_t> direct_shape = {planned_.resolved.output.size(), classes_};
  add(layer + ".weight", info_.shape, forward_.span(), Layout::kMatrix);
  add(layer + ".feedback", planned_.direct ? direct_shape : info_.shape, feedback_.span(),
      planned_.direct ? Layout::kDirect : Layout::kMatrix);
  add(layer + ".bias", bias_shape, bias_.span(), Layout::kPlain);
  add("optimizer/" + layer + ".weight", info_.shape, forward_velocity_.span(), Layout::kMatrix);
  add("optimizer/" + layer + ".feedback", info_.shape, feedback_velocity_.span(), Layout::kMatrix);
  add("optimizer/" + layer + ".bias", bias_shape, bias_velocity_.span(), Layout::kPlain);
  if (lags_) add("state/" + layer + ".signal", info_.shape, signal_.span(), Layout::kMatrix);
  if (!limits_.empty()) {
    add("state/" + layer + ".limits", {static_cast<int64_t>(limits_.size())}, limits_,
        Layout::kPlain);
  }
  return tensors;
}

}  // namespace hebb::engine
