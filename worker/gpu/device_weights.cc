// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/device_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/check.h"

namespace hebb::gpu {
namespace {

// Filters [out][in][ky][kx] of files and of the host, and [out][ky][kx][in] of the device.
template <typename T>
std::vector<T> FiltersToDevice(const std::vector<int64_t>& shape, std::span<const T> values) {
  const int64_t taps = shape[2] * shape[3], in = shape[1];
  std::vector<T> to(values.size());
  for (int64_t out = 0; out < shape[0]; ++out) {
    for (int64_t c = 0; c < in; ++c) {
      for (int64_t t = 0; t < taps; ++t) {
        to[(out * taps + t) * in + c] = values[(out * in + c) * taps + t];
      }
    }
  }
  return to;
}

void FiltersToHost(const std::vector<int64_t>& shape, std::span<const float> values,
                   std::span<float> to) {
  const int64_t taps = shape[2] * shape[3], in = shape[1];
  for (int64_t out = 0; out < shape[0]; ++out) {
    for (int64_t c = 0; c < in; ++c) {
      for (int64_t t = 0; t < taps; ++t) {
        to[(out * in + c) * taps + t] = values[(out * taps + t) * in + c];
      }
    }
  }
}

// What descends by a gradient, in place.
kernels::Descends InPlace(float* values, float* velocity, const float* gradient,
                          const uint8_t* mask) {
  return {.values = values,
          .velocity = velocity,
          .start = nullptr,
          .start_velocity = nullptr,
          .gradient = gradient,
          .mask = mask};
}

// The same, with the result elsewhere.
void Stage(kernels::Descends& descends, float* values, float* velocity) {
  descends.start = std::exchange(descends.values, values);
  descends.start_velocity = std::exchange(descends.velocity, velocity);
}

int64_t SquareParts(int64_t size) {
  return (size + kernels::kSquaresOfPart - 1) / kernels::kSquaresOfPart;
}

}  // namespace

DeviceWeights::DeviceWeights(engine::LayerWeights& host, const spec::Job& job,
                             const engine::Plan& plan, const kernels::StepValues* step, Work& work)
    : host_(host),
      planned_(host.planned()),
      info_(host.info()),
      formula_(host.rule().formula()),
      carrier_(host.rule().carrier()),
      sgd_(job.learning.optimizer),
      mean_twice_(job.learning.rule_options.bias_mean_twice && is_matrix()),
      after_update_(plan.after_update),
      rounds_to_bf16_(
          plan.bf16 && is_matrix() &&
          (host.is_tied_conv() || std::holds_alternative<spec::Dense>(planned_.layer.op))),
      step_(step),
      work_(work),
      pool_(work.ops()) {
  Allocate();
  if (pool_.status().ok()) FromHost();
}

void DeviceWeights::Allocate() {
  for (const engine::LayerTensor& tensor : host_.Tensors()) {
    const auto size = static_cast<int64_t>(tensor.values.size());
    twins_.push_back({tensor.name, pool_.Take<float>(size), size});
  }
  const std::string& layer = info_.layer;
  const bool norm = host_.is_norm();
  const std::string forward = layer + (norm ? ".scale" : ".weight");
  const std::string bias = layer + (norm ? ".shift" : ".bias");
  forward_ = Find(forward);
  feedback_ = Find(layer + ".feedback");
  bias_ = Find(bias);
  running_mean_ = Find(layer + ".running_mean");
  running_variance_ = Find(layer + ".running_var");
  forward_velocity_ = Find("optimizer/" + forward);
  feedback_velocity_ = Find("optimizer/" + layer + ".feedback");
  bias_velocity_ = Find("optimizer/" + bias);
  limits_ = Find("state/" + layer + ".limits");
  if (limits_ != nullptr) limits_count_ = twins_.back().size;  // the last of the host's tensors
  signal_ = Find("state/" + layer + ".signal");
  forward_mask_ = MaskOnDevice(host_.forward_mask());
  feedback_mask_ = MaskOnDevice(host_.feedback_mask());
  if (norm) {
    matrices_ = {.forward = forward_,
                 .bias = bias_,
                 .running_mean = running_mean_,
                 .running_variance = running_variance_};
    return;
  }
  AllocateSignals();
}

void DeviceWeights::AllocateSignals() {
  const int64_t size = info_.size;
  if (carrier_ == rules::Carrier::kDerived && signal_ == nullptr) signal_ = pool_.Take<float>(size);
  if (host_.rule().redraws_magnitudes()) magnitudes_ = pool_.Take<float>(size);
  if (rounds_to_bf16_) {
    rounded_forward_ = pool_.Take<float>(size);
    rounded_signal_ = pool_.Take<float>(size);
  }
  if (after_update_ && !planned_.layer.frozen) {
    staged_forward_ = pool_.Take<float>(size);
    if (forward_velocity_ != nullptr) staged_forward_velocity_ = pool_.Take<float>(size);
    if (feedback_moves()) staged_feedback_ = pool_.Take<float>(size);
    if (feedback_velocity_ != nullptr) staged_feedback_velocity_ = pool_.Take<float>(size);
  }
  matrices_.forward = rounds_to_bf16_ ? rounded_forward_ : forward_;
  matrices_.bias = bias_;
  Point(Signal());
}

float* DeviceWeights::Find(const std::string& name) const {
  for (const Twin& twin : twins_) {
    if (twin.name == name) return twin.values;
  }
  return nullptr;
}

const uint8_t* DeviceWeights::MaskOnDevice(std::span<const uint8_t> mask) {
  if (mask.empty()) return nullptr;
  auto* const to = pool_.Take<uint8_t>(static_cast<int64_t>(mask.size()));
  if (to != nullptr) MatrixToDevice(mask, to);
  return to;
}

// ---- to and from the host ----------------------------------------------------------------------

template <typename T>
void DeviceWeights::MatrixToDevice(std::span<const T> values, T* to) {
  if (!host_.is_tied_conv()) return work_.Upload(values, to);
  work_.Upload(std::span<const T>(FiltersToDevice(info_.shape, values)), to);
}

bool DeviceWeights::IsMatrix(const engine::LayerTensor& tensor) {
  return tensor.layout == engine::LayerTensor::Layout::kMatrix;
}

void DeviceWeights::FromHost() {
  for (const engine::LayerTensor& tensor : host_.Tensors()) FromHost(tensor);
}

void DeviceWeights::FromHost(const engine::LayerTensor& tensor) {
  float* const to = Find(tensor.name);
  HEBB_CHECK(to != nullptr);
  const std::span<const float> values = tensor.values;
  if (IsMatrix(tensor)) return MatrixToDevice(values, to);
  work_.Upload(values, to);
}

void DeviceWeights::ToHost() {
  for (const engine::LayerTensor& tensor : host_.Tensors()) ToHost(tensor);
}

void DeviceWeights::ToHost(const engine::LayerTensor& tensor) {
  const float* from = Find(tensor.name);
  HEBB_CHECK(from != nullptr);
  if (!IsMatrix(tensor) || !host_.is_tied_conv()) return work_.Download(from, tensor.values);
  std::vector<float> values(tensor.values.size());
  work_.Download(from, std::span(values));
  FiltersToHost(info_.shape, values, tensor.values);
}

std::vector<float> DeviceWeights::SumToHost(const float* sum) {
  std::vector<float> values(planned_.update.total());
  work_.Download(sum, std::span(values));
  if (!host_.is_tied_conv()) return values;
  std::vector<float> ordered = values;
  for (int64_t first = 0; first < planned_.update.forward + planned_.update.feedback;
       first += info_.size) {
    const auto at = static_cast<size_t>(first), size = static_cast<size_t>(info_.size);
    FiltersToHost(info_.shape, std::span(values).subspan(at, size),
                  std::span(ordered).subspan(at, size));
  }
  return ordered;
}

// ---- the signal --------------------------------------------------------------------------------

// Where B lies before it is rounded.
const float* DeviceWeights::Signal() const {
  if (signal_ != nullptr) return signal_;
  return carrier_ == rules::Carrier::kFeedback ? feedback_ : forward_;
}

// Products read B there from now on.
void DeviceWeights::Point(const float* signal) {
  if (rounds_to_bf16_) {
    if (pool_.status().ok())
      work_.Launch(kernels::RoundToBf16{signal, rounded_signal_}, info_.size);
    signal = rounded_signal_;
  }
  matrices_.feedback = signal;
}

void DeviceWeights::PrepareForward() {
  if (!rounds_to_bf16_) return;
  work_.Launch(kernels::RoundToBf16{forward_, rounded_forward_}, info_.size);
}

void DeviceWeights::RenewSignal(const engine::StepContext& context) {
  if (host_.is_norm() || carrier_ == rules::Carrier::kDirect || signal_ == nullptr) return;
  if (host_.lags() && !context.first_of_epoch) return;
  if (carrier_ != rules::Carrier::kDerived) {
    return work_.Copy(carrier_ == rules::Carrier::kFeedback ? feedback_ : forward_, signal_,
                      info_.size);
  }
  if (magnitudes_ != nullptr) {
    MatrixToDevice(std::span<const float>(host_.DrawMagnitudes(context)), magnitudes_);
  }
  Derive(forward_, magnitudes_ != nullptr ? magnitudes_ : feedback_);
}

void DeviceWeights::PrepareSignal() {
  if (host_.is_norm() || carrier_ == rules::Carrier::kDirect) return;
  Point(Signal());
}

void DeviceWeights::Derive(const float* forward, const float* feedback) {
  using Signal = rules::Formula::Signal;
  const nn::Fans fans = host_.fans();
  const float scale = std::sqrt(2.0f / static_cast<float>(fans.in + fans.out));
  const kernels::Derivation how =
      formula_.signal == Signal::kSignOfFeedback  ? kernels::Derivation::kSignOfFeedback
      : formula_.signal == Signal::kSignOfForward ? kernels::Derivation::kSignOfForward
                                                  : kernels::Derivation::kMagnitudeOfFeedback;
  work_.Launch(kernels::DeriveSignal{forward, feedback, signal_, how, scale}, info_.size);
}

void DeviceWeights::BorrowForward() {
  if (!host_.is_norm()) Point(forward_);
}

void DeviceWeights::StageSignal(const float* sum) {
  if (host_.is_norm() || planned_.layer.frozen || carrier_ == rules::Carrier::kDirect) return;
  kernels::Update update = UpdateBy(sum);
  update.forward_by.clips = update.feedback_by.clips = false;
  Stage(update.forward, staged_forward_, staged_forward_velocity_);
  const float* feedback = feedback_;
  if (feedback_moves()) {
    Stage(update.feedback, staged_feedback_, staged_feedback_velocity_);
    feedback = staged_feedback_;
  }
  work_.Launch(update, info_.size);
  if (carrier_ == rules::Carrier::kDerived) {
    Derive(staged_forward_, magnitudes_ != nullptr ? magnitudes_ : feedback);
    return Point(signal_);
  }
  Point(carrier_ == rules::Carrier::kFeedback ? feedback : staged_forward_);
}

// ---- a step ------------------------------------------------------------------------------------

bool DeviceWeights::feedback_moves() const {
  return feedback_ != nullptr && !planned_.direct &&
         formula_.feedback != rules::Formula::Feedback::kStays;
}

kernels::Descent DeviceWeights::HowItDescends() const {
  return {.momentum = static_cast<float>(sgd_.momentum),
          .decay = static_cast<float>(sgd_.weight_decay)};
}

// Of W and R, or of a normalisation's scale.
kernels::Update DeviceWeights::UpdateBy(const float* sum) const {
  const engine::UpdateLayout& layout = planned_.update;
  kernels::Update update = {.forward = InPlace(forward_, forward_velocity_, sum, forward_mask_),
                            .feedback = {},
                            .forward_by = HowItDescends(),
                            .feedback_by = {},
                            .step = step_};
  if (is_matrix()) update.forward_by.shrink = formula_.shrink;
  if (!feedback_moves()) return update;
  update.feedback = InPlace(feedback_, feedback_velocity_,
                            layout.feedback > 0 ? sum + layout.forward : sum, feedback_mask_);
  update.feedback_by = update.forward_by;
  update.feedback_by.at_feedback_rate = true;
  update.feedback_by.climb_rate = formula_.climb_rate;
  return update;
}

void DeviceWeights::Update(const float* sum) {
  if (planned_.layer.frozen) return;
  work_.Launch(UpdateBy(sum), info_.size);
  if (bias_ == nullptr) return;
  const engine::UpdateLayout& layout = planned_.update;
  kernels::Update of_bias = {
      .forward = InPlace(bias_, bias_velocity_, sum + layout.total() - layout.bias, nullptr),
      .feedback = {},
      .forward_by = HowItDescends(),
      .feedback_by = {},
      .step = step_};
  of_bias.forward_by.mean_twice = mean_twice_;
  work_.Launch(of_bias, layout.bias);
}

void DeviceWeights::ClipToStart() {
  if (limits_ == nullptr || planned_.layer.frozen) return;
  work_.Launch(kernels::ClipTo{forward_, limits_}, info_.size);
  if (limits_count_ > 1) work_.Launch(kernels::ClipTo{feedback_, limits_ + 1}, info_.size);
}

// ---- what is seldom asked ----------------------------------------------------------------------

int64_t DeviceWeights::square_parts() const {
  if (planned_.layer.frozen) return 0;
  return SquareParts(planned_.update.forward) + SquareParts(planned_.update.bias);
}

void DeviceWeights::PartSquares(const float* sum, double* partials) {
  if (planned_.layer.frozen) return;
  const auto squares = [&](const float* values, const uint8_t* mask, int64_t size) {
    const int64_t parts = SquareParts(size);
    work_.Launch(kernels::PartSquares{values, mask, static_cast<size_t>(size),
                                      static_cast<kernels::Index>(parts), partials},
                 parts);
    partials += parts;
  };
  squares(sum, forward_mask_, planned_.update.forward);
  squares(sum + planned_.update.total() - planned_.update.bias, nullptr, planned_.update.bias);
}

void DeviceWeights::PoisonForward() {
  for (const engine::LayerTensor& tensor : host_.Tensors()) {
    if (Find(tensor.name) == forward_) ToHost(tensor);
  }
  // All bits set: no number as one float32, nor as two bfloat16.
  std::vector<float> poison(info_.size);
  std::memset(poison.data(), 0xFF, poison.size() * sizeof(float));
  work_.Upload(std::span<const float>(poison), forward_);
  if (rounds_to_bf16_) work_.Upload(std::span<const float>(poison), rounded_forward_);
}

void DeviceWeights::HealForward() {
  for (const engine::LayerTensor& tensor : host_.Tensors()) {
    if (Find(tensor.name) == forward_) FromHost(tensor);
  }
  PrepareForward();
}

}  // namespace hebb::gpu
