// SPDX-License-Identifier: Apache-2.0
// How a layer's weights change: steps, stages, limits, and what comes from outside.
#include <algorithm>
#include <cmath>

#include "common/check.h"
#include "worker/device/simd.h"
#include "worker/engine/layer_weights.h"
#include "worker/nn/dense_layer.h"
#include "worker/nn/direct_feedback.h"
#include "worker/nn/untied_layer.h"

namespace hebb::engine {
namespace {

HEBB_SIMD void MaskInto(const float* gradient, const uint8_t* mask, float* to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = mask[i] != 0 ? gradient[i] : 0.0f;
}

// Of the connections that exist.
double Squares(std::span<const float> values, const std::vector<uint8_t>& mask) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (mask.empty() || mask[i] != 0) sum += double{values[i]} * values[i];
  }
  return sum;
}

float Deviation(std::span<const float> values) {
  double sum = 0, squares = 0;
  int64_t count = 0;
  for (float value : values) {
    if (value == 0) continue;  // no connection
    sum += value;
    squares += double{value} * value;
    ++count;
  }
  if (count == 0) return 0;
  const double mean = sum / static_cast<double>(count);
  return static_cast<float>(
      std::sqrt(std::max(squares / static_cast<double>(count) - mean * mean, 0.0)));
}

void Clip(float limit, std::span<float> values) {
  for (float& value : values) value = std::clamp(value, -limit, limit);
}

}  // namespace

// ---- a step ------------------------------------------------------------------------------------

rules::Descent LayerWeights::DescentOf(const StepContext& context, bool of_feedback,
                                       float scale) const {
  const double rate =
      of_feedback ? sgd_.feedback_learning_rate.value_or(sgd_.learning_rate) : sgd_.learning_rate;
  return {.rate = static_cast<float>(rate * context.rate_factor),
          .momentum = static_cast<float>(sgd_.momentum),
          .weight_decay = static_cast<float>(sgd_.weight_decay),
          .scale = scale};
}

std::span<const float> LayerWeights::Masked(std::span<const float> gradient,
                                            const std::vector<uint8_t>& mask, size_t begin,
                                            std::span<float> scratch) const {
  if (mask.empty()) return gradient;
  MaskInto(gradient.data(), mask.data() + begin, scratch.data(), gradient.size());
  return scratch.first(gradient.size());
}

// What rule_->Update needs but for the weights themselves.
rules::LayerStep LayerWeights::StepOn(std::span<const float> sum, const StepContext& context,
                                      float scale, size_t begin, size_t count,
                                      std::span<float> scratch) const {
  const UpdateLayout& layout = planned_.update;
  const std::span<const float> g = sum.subspan(begin, count);
  const bool own = layout.feedback > 0;
  const std::span<const float> g_r =
      own ? sum.subspan(static_cast<size_t>(layout.forward) + begin, count) : g;
  rules::LayerStep step;
  step.gradient = Masked(g, forward_mask_, begin, scratch.first(scratch.size() / 2));
  step.feedback_gradient = Masked(g_r, feedback_mask_, begin, scratch.subspan(scratch.size() / 2));
  step.descent = DescentOf(context, false, scale);
  step.feedback_descent = DescentOf(context, true, scale);
  return step;
}

rules::Weights LayerWeights::Part(device::FloatBuffer& values, device::FloatBuffer& velocity,
                                  size_t begin, size_t count) {
  rules::Weights part;
  if (values.size() > 0) part.values = values.span().subspan(begin, count);
  if (velocity.size() > 0) part.velocity = velocity.span().subspan(begin, count);
  return part;
}

void LayerWeights::UpdateMatrices(std::span<const float> sum, const StepContext& context,
                                  float scale, size_t begin, size_t count,
                                  std::span<float> scratch) {
  if (kind_ == Kind::kNorm || planned_.layer.frozen) return;
  rules::LayerStep step = StepOn(sum, context, scale, begin, count, scratch);
  step.forward = Part(forward_, forward_velocity_, begin, count);
  if (!planned_.direct) step.feedback = Part(feedback_, feedback_velocity_, begin, count);
  rule_->Update(step);
}

void LayerWeights::UpdateRest(std::span<const float> sum, std::span<const float> statistics,
                              const StepContext& context, float scale) {
  if (planned_.layer.frozen) return;
  const UpdateLayout& layout = planned_.update;
  rules::Descent descent = DescentOf(context, false, scale);
  if (kind_ == Kind::kNorm) {
    rules::Descend(descent, sum.first(static_cast<size_t>(layout.forward)),
                   Part(forward_, forward_velocity_, 0, forward_.span().size()));
    UpdateRunning(statistics, context);
  } else if (options_.bias_mean_twice) {
    descent.scale /= static_cast<float>(context.batch_size);
  }
  if (bias_.size() == 0) return;
  rules::Descend(descent, sum.last(static_cast<size_t>(layout.bias)),
                 Part(bias_, bias_velocity_, 0, bias_.span().size()));
}

// The unbiased variance, as in PyTorch.
void LayerWeights::UpdateRunning(std::span<const float> statistics, const StepContext& context) {
  const auto& norm = std::get<spec::BatchNorm>(planned_.layer.op);
  const spec::Shape& shape = planned_.resolved.output;
  const auto channels = static_cast<size_t>(shape.channels);
  const auto places = static_cast<double>(context.batch_size * shape.height * shape.width);
  const auto blend = [&](float& running, double value) {
    running = static_cast<float>((1 - norm.momentum) * running + norm.momentum * value);
  };
  for (size_t c = 0; c < channels; ++c) {
    const double mean = statistics[c] / places;
    const double variance = std::max(statistics[channels + c] / places - mean * mean, 0.0);
    blend(running_mean_.data()[c], mean);
    blend(running_variance_.data()[c], variance * places / std::max(places - 1, 1.0));
  }
}

absl::Status LayerWeights::StageSignal(std::span<const float> sum, const StepContext& context) {
  if (kind_ == Kind::kNorm || planned_.layer.frozen) return absl::OkStatus();
  const auto size = static_cast<size_t>(info_.size);
  std::span<float> room = staging_.span();
  const auto copy = [&room](const device::FloatBuffer& from) {
    const std::span<float> to = room.first(from.span().size());
    std::copy(from.span().begin(), from.span().end(), to.begin());
    room = room.subspan(to.size());
    return to;
  };
  rules::LayerStep step = StepOn(sum, context, 1, 0, size, room.last(2 * size));
  step.forward = {copy(forward_), copy(forward_velocity_)};
  if (!planned_.direct) step.feedback = {copy(feedback_), copy(feedback_velocity_)};
  rule_->Update(step);
  const std::span<const float> forward = step.forward.values;
  const std::span<const float> feedback = step.feedback.values;
  switch (rule_->carrier()) {
    case rules::Carrier::kDerived:
      Derive(forward, rule_->redraws_magnitudes() ? magnitudes_.span() : feedback);
      break;
    case rules::Carrier::kFeedback:
      std::copy(feedback.begin(), feedback.end(), signal_.data());
      break;
    case rules::Carrier::kForward:
      std::copy(forward.begin(), forward.end(), signal_.data());
      break;
    case rules::Carrier::kDirect:
      return absl::OkStatus();
  }
  return PackSignal(signal_.span());
}

void LayerWeights::ClipToStart() {
  if (limits_.empty() || planned_.layer.frozen) return;
  Clip(limits_[0], forward_.span());
  if (limits_.size() > 1) Clip(limits_[1], feedback_.span());
}

// ---- from and to the outside -------------------------------------------------------------------

void LayerWeights::ZeroRemoved(const std::vector<uint8_t>& mask, std::span<float> values) {
  if (!mask.empty()) MaskInto(values.data(), mask.data(), values.data(), values.size());
}

void LayerWeights::Imported(bool beside) {
  ZeroRemoved(forward_mask_, forward_.span());
  if (info_.has_feedback && !planned_.direct) ZeroRemoved(feedback_mask_, feedback_.span());
  if (beside || !options_.clip_untied || kind_ != Kind::kUntied) return;
  limits_ = {Deviation(forward_.span())};
  if (info_.has_feedback && !planned_.direct) limits_.push_back(Deviation(feedback_.span()));
}

void LayerWeights::ToCanonical(const LayerTensor& tensor, float* canonical) const {
  const float* values = tensor.values.data();
  const spec::Shape& output = planned_.resolved.output;
  switch (tensor.layout) {
    case LayerTensor::Layout::kMatrix:
      if (kind_ == Kind::kUntied) return nn::UntiedToCanonical(shape_, values, canonical);
      if (kind_ == Kind::kDense) {
        return nn::DenseToCanonical(planned_.resolved.input, info_.shape[0], values, canonical);
      }
      break;
    case LayerTensor::Layout::kDirect:
      return nn::DirectToCanonical(output, classes_, values, canonical);
    case LayerTensor::Layout::kPlain:
      break;
  }
  std::copy_n(values, tensor.values.size(), canonical);
}

void LayerWeights::FromCanonical(const float* canonical, LayerTensor::Layout layout,
                                 std::span<float> to) const {
  float* values = to.data();
  const spec::Shape& output = planned_.resolved.output;
  switch (layout) {
    case LayerTensor::Layout::kMatrix:
      if (kind_ == Kind::kUntied) return nn::UntiedFromCanonical(shape_, canonical, values);
      if (kind_ == Kind::kDense) {
        return nn::DenseFromCanonical(planned_.resolved.input, info_.shape[0], canonical, values);
      }
      break;
    case LayerTensor::Layout::kDirect:
      return nn::DirectFromCanonical(output, classes_, canonical, values);
    case LayerTensor::Layout::kPlain:
      break;
  }
  std::copy_n(canonical, to.size(), values);
}

// ---- what can be seen --------------------------------------------------------------------------

std::optional<double> LayerWeights::Cosine() const {
  if (!info_.has_feedback || planned_.direct) return std::nullopt;
  double product = 0, w = 0, r = 0;
  for (int64_t i = 0; i < info_.size; ++i) {
    const double a = forward_.data()[i], b = feedback_.data()[i];
    product += a * b;
    w += a * a;
    r += b * b;
  }
  const double norms = std::sqrt(w * r);
  return norms > 0 ? product / norms : 0;
}

double LayerWeights::UpdateSquares(std::span<const float> sum) const {
  if (planned_.layer.frozen) return 0;
  const UpdateLayout& layout = planned_.update;
  return Squares(sum.first(static_cast<size_t>(layout.forward)), forward_mask_) +
         Squares(sum.last(static_cast<size_t>(layout.bias)), {});
}

double LayerWeights::ForwardNorm(std::span<const float> sum, const StepContext& context) const {
  if (planned_.layer.frozen) return 0;
  return DescentOf(context, false, 1).rate *
         std::sqrt(Squares(sum.first(static_cast<size_t>(planned_.update.forward)), forward_mask_));
}

std::optional<double> LayerWeights::FeedbackNorm(std::span<const float> sum,
                                                 const StepContext& context) const {
  if (!info_.has_feedback) return std::nullopt;
  if (planned_.layer.frozen || !(rule_->updates_feedback() || rule_->mirrors())) return 0;
  const UpdateLayout& layout = planned_.update;
  const std::span<const float> part =
      layout.feedback > 0
          ? sum.subspan(static_cast<size_t>(layout.forward), static_cast<size_t>(layout.feedback))
          : sum.first(static_cast<size_t>(layout.forward));
  const double rate = rule_->mirrors() ? options_.mirror_rate : DescentOf(context, true, 1).rate;
  return rate * std::sqrt(Squares(part, feedback_mask_));
}

}  // namespace hebb::engine
