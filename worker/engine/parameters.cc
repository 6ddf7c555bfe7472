// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/parameters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/status_macros.h"

namespace hebb::engine {
namespace {

// Of one piece of Apply's work: its part of G stays in the core's cache while W and R take it.
constexpr int64_t kApplyFloats = 8 * 1024;

std::string ShapeText(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Parameters>> Parameters::Create(const Plan& plan,
                                                               const spec::Job& job, int draw,
                                                               int threads) {
  std::unique_ptr<Parameters> parameters(new Parameters(plan, job));
  for (size_t p = 0; p < plan.parameters.size(); ++p) {
    HEBB_ASSIGN_OR_RETURN(std::unique_ptr<LayerWeights> layer,
                          LayerWeights::Create(plan, static_cast<int>(p), job, draw));
    parameters->layers_.push_back(std::move(layer));
  }
  for (int i = 0; i < threads; ++i) parameters->scratch_.emplace_back(2 * kApplyFloats);
  return parameters;
}

// ---- a step ------------------------------------------------------------------------------------

absl::Status Parameters::ForEachLayer(device::ComputePool& pool, auto&& action) {
  std::vector<absl::Status> statuses(layers_.size());
  pool.ParallelFor(static_cast<int>(layers_.size()),
                   [&](int p, int) { statuses[p] = action(*layers_[p]); });
  for (const absl::Status& status : statuses) HEBB_RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

absl::Status Parameters::PrepareForward(device::ComputePool& pool) {
  if (forward_prepared_) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(
      ForEachLayer(pool, [](LayerWeights& layer) { return layer.PrepareForward(); }));
  forward_prepared_ = true;
  return absl::OkStatus();
}

absl::Status Parameters::PrepareSignals(const StepContext& context, device::ComputePool& pool) {
  return ForEachLayer(pool, [&](LayerWeights& layer) { return layer.PrepareSignal(context); });
}

absl::Status Parameters::BorrowForward(device::ComputePool& pool) {
  return ForEachLayer(pool, [](LayerWeights& layer) { return layer.BorrowForward(); });
}

float Parameters::ClipFactor(std::span<const std::span<const float>> sums) const {
  const double limit = job_.learning.optimizer.clip_norm;
  if (limit <= 0) return 1;
  double squares = 0;
  for (size_t p = 0; p < layers_.size(); ++p) {
    squares += layers_[p]->UpdateSquares(sums[plan_.parameters[p].sum]);
  }
  const double norm = std::sqrt(squares);
  return norm > limit ? static_cast<float>(limit / norm) : 1.0f;
}

void Parameters::Apply(const StepContext& context, std::span<const std::span<const float>> sums,
                       device::ComputePool& pool) {
  HEBB_CHECK(sums.size() == plan_.sums.size());
  const float scale = ClipFactor(sums);
  for (size_t p = 0; p < layers_.size(); ++p) {
    LayerWeights& layer = *layers_[p];
    const PlannedLayer& planned = layer.planned();
    const std::span<const float> sum = sums[planned.update_sum];
    const int64_t size = plan_.parameters[p].size;
    HEBB_CHECK(static_cast<int64_t>(sum.size()) == planned.update.total());
    const int pieces = static_cast<int>((size + kApplyFloats - 1) / kApplyFloats);
    pool.ParallelFor(pieces, [&](int piece, int thread) {
      const size_t begin = static_cast<size_t>(piece) * kApplyFloats;
      const size_t count = std::min<size_t>(kApplyFloats, static_cast<size_t>(size) - begin);
      layer.UpdateMatrices(sum, context, scale, begin, count, scratch_[thread].span());
    });
    const bool norm = planned.statistics_sum >= 0;
    layer.UpdateRest(sum, norm ? sums[planned.statistics_sum] : std::span<const float>(), context,
                     scale);
    if (context.last_of_epoch) layer.ClipToStart();
  }
  forward_prepared_ = false;
}

// ---- from and to the outside -------------------------------------------------------------------

std::vector<weights::TensorSource> Parameters::Tensors() const {
  std::vector<weights::TensorSource> sources;
  for (const std::unique_ptr<LayerWeights>& layer : layers_) {
    for (const LayerTensor& tensor : layer->Tensors()) {
      sources.push_back(
          {tensor.name, tensor.shape, [from = layer.get(), tensor](std::span<float> values) {
             from->ToCanonical(tensor, values.data());
           }});
    }
  }
  return sources;
}

absl::Status Parameters::CheckTensors(const std::vector<weights::TensorSource>& tensors) const {
  std::map<std::string, const weights::TensorSource*> given;
  for (const weights::TensorSource& tensor : tensors) {
    if (!given.emplace(tensor.name, &tensor).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", tensor.name, " is given twice; give every tensor once"));
    }
  }
  for (const std::unique_ptr<LayerWeights>& layer : layers_) {
    for (const LayerTensor& wanted : layer->Tensors()) {
      const auto found = given.find(wanted.name);
      if (found == given.end()) {
        if (wanted.beside_weights) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            "tensor ", wanted.name, " is missing; give one for every weighted layer and rule"));
      }
      const weights::TensorSource& tensor = *found->second;
      if (tensor.shape != wanted.shape) {
        return absl::InvalidArgumentError(
            absl::StrCat("tensor ", wanted.name, " has shape ", ShapeText(tensor.shape),
                         " but the network needs ", ShapeText(wanted.shape)));
      }
      given.erase(found);
    }
  }
  if (given.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tensor ", given.begin()->first,
                   " belongs to no layer of this network and rule; leave it out"));
}

absl::Status Parameters::Import(const std::vector<weights::TensorSource>& tensors) {
  HEBB_RETURN_IF_ERROR(CheckTensors(tensors));
  std::map<std::string, const weights::TensorSource*> given;
  for (const weights::TensorSource& tensor : tensors) given.emplace(tensor.name, &tensor);
  std::vector<float> values;
  for (const std::unique_ptr<LayerWeights>& layer : layers_) {
    bool state = false;
    for (const LayerTensor& to : layer->Tensors()) {
      const auto found = given.find(to.name);
      if (found == given.end()) {  // beside the weights: begins anew
        std::fill(to.values.begin(), to.values.end(), 0.0f);
        continue;
      }
      state |= absl::StartsWith(to.name, "state/");
      values.resize(found->second->size());
      found->second->read(values);
      layer->FromCanonical(values.data(), to.layout, to.values);
    }
    layer->Imported(state);
  }
  forward_prepared_ = false;
  return absl::OkStatus();
}

std::vector<std::pair<std::string, double>> Parameters::Alignment() const {
  std::vector<std::pair<std::string, double>> cosines;
  for (size_t p = 0; p < layers_.size(); ++p) {
    const std::optional<double> cosine = layers_[p]->Cosine();
    if (cosine) cosines.emplace_back(plan_.parameters[p].layer, *cosine);
  }
  return cosines;
}

}  // namespace hebb::engine
