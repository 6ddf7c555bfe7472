// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/network.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::gpu {
namespace {

using kernels::Index;

// Where the parts of a step's block lie.
struct BlockLayout {
  BlockLayout(int64_t rows, int slices) {
    records = Take<const uint8_t*>(rows);
    offsets = Take<uint32_t>(slices + 1);
    counted = Take<uint32_t>(slices + 1);
    slice_of_row = Take<uint32_t>(rows);
    ids = Take<uint32_t>(rows);
    labels = Take<int32_t>(rows);
    views = Take<kernels::ImageView>(rows);
  }
  template <typename T>
  size_t Take(int64_t count) {
    const size_t at = size;
    size += (static_cast<size_t>(count) * sizeof(T) + 15) / 16 * 16;
    return at;
  }
  size_t size = 0;
  size_t records, offsets, counted, slice_of_row, ids, labels, views;
};

template <typename T>
T* At(std::byte* block, size_t offset) {
  return reinterpret_cast<T*>(block + offset);
}

// Sums of one slice, of normalisations only.
std::unique_ptr<SliceSums> LookSums(const engine::Plan& plan, Work& work) {
  std::vector<engine::SumInfo> infos = plan.sums;
  for (const engine::PlannedLayer& planned : plan.layers) {
    if (planned.parameter >= 0 && planned.statistics_sum < 0) infos[planned.update_sum].size = 0;
  }
  return std::make_unique<SliceSums>(infos, slices::Fold::OfRank(1, {0, 1}), work);
}

int64_t LossPartsOf(int64_t rows) {
  return (rows + kernels::kRowsOfPart - 1) / kernels::kRowsOfPart;
}

kernels::LossKind KindOf(const spec::Loss& loss) {
  if (std::holds_alternative<spec::Hinge>(loss)) return kernels::LossKind::kHinge;
  if (std::holds_alternative<spec::CrossEntropy>(loss)) return kernels::LossKind::kCrossEntropy;
  if (std::holds_alternative<spec::BinaryCrossEntropy>(loss)) {
    return kernels::LossKind::kBinaryCrossEntropy;
  }
  return kernels::LossKind::kSquared;
}

}  // namespace

Network::Network(const NetworkParts& parts, const slices::Fold& fold, int64_t max_rows,
                 int64_t slice_rows, Work& work)
    : parts_(parts),
      max_rows_(max_rows),
      max_slices_(fold.inputs()),
      work_(work),
      pool_(work.ops()),
      tools_{work, scratch_, parts.plan.bf16},
      sums_(std::make_unique<SliceSums>(parts.plan.sums, fold, work)),
      look_sums_(LookSums(parts.plan, work)),
      current_(sums_.get()) {
  Allocate(slice_rows);
  AddLayers();
  status_ = sums_->status();
  if (status_.ok()) status_ = look_sums_->status();
  if (status_.ok()) status_ = pool_.status();
}

void Network::Allocate(int64_t slice_rows) {
  const engine::Plan& plan = parts_.plan;
  ScratchNeed need;
  int64_t noise = 0, response = 0;
  for (const engine::PlannedLayer& planned : plan.layers) {
    const ScratchNeed of_layer = NeedOf(planned, max_slices_, slice_rows);
    need.input = std::max(need.input, of_layer.input);
    need.output = std::max(need.output, of_layer.output);
    need.partials = std::max(need.partials, of_layer.partials);
    need.totals = std::max(need.totals, of_layer.totals);
    outputs_.push_back(pool_.Take<float>(max_rows_ * planned.resolved.output.size()));
    inputs_.emplace_back(planned.resolved.inputs.size());
    if (!planned.mirrors) continue;
    noise = std::max(noise, planned.resolved.input.size());
    response = std::max(response, planned.resolved.output.size());
  }
  for (const engine::MemorySlot& slot : plan.delta_slots) {
    deltas_.push_back(pool_.Take<float>(max_rows_ * slot.floats));
  }
  images_ = pool_.Take<float>(max_rows_ * plan.image.size());
  arrivals_ = pool_.Take<float>(max_rows_ * plan.scratch.floats);
  noise_ = pool_.Take<float>(max_rows_ * noise);
  response_ = pool_.Take<float>(max_rows_ * response);
  scratch_.input = pool_.Take<float>(max_rows_ * need.input);
  scratch_.output = pool_.Take<float>(max_rows_ * need.output);
  scratch_.partials = pool_.Take<double>(need.partials);
  scratch_.totals = pool_.Take<double>(need.totals);
  losses_ = pool_.Take<kernels::RowLoss>(max_rows_);
  loss_parts_ = pool_.Take<kernels::RowLoss>(max_slices_ * LossPartsOf(slice_rows));
  totals_ = pool_.Take<kernels::RowLoss>(max_slices_);

  const BlockLayout layout(max_rows_, max_slices_);
  block_.resize(layout.size);
  places_.resize(max_rows_);
  device_block_ = pool_.Take<std::byte>(static_cast<int64_t>(layout.size));
  if (device_block_ == nullptr) return;
  rows_.device_offsets = At<uint32_t>(device_block_, layout.offsets);
  rows_.slice_of_row = At<uint32_t>(device_block_, layout.slice_of_row);
  rows_.ids = At<uint32_t>(device_block_, layout.ids);
  rows_.step = parts_.step;
}

void Network::AddLayers() {
  if (!pool_.status().ok()) return;
  for (const engine::PlannedLayer& planned : parts_.plan.layers) {
    const LayerMatrices* matrices =
        planned.parameter < 0 ? nullptr : &parts_.weights[planned.parameter]->matrices();
    layers_.push_back(MakeLayer({tools_, pool_, planned, static_cast<int>(layers_.size()), matrices,
                                 max_rows_, max_slices_, parts_.seed}));
  }
  PlanGates();
}

NormLayer* Network::norm(int layer) const { return dynamic_cast<NormLayer*>(layers_[layer].get()); }

// ---- a step's rows -----------------------------------------------------------------------------

absl::Status Network::Begin(int64_t epoch, std::span<const std::span<const engine::Sample>> slices,
                            Use use, int64_t counted) {
  is_step_ = use == Use::kStep;
  current_ = is_step_ ? sums_.get() : look_sums_.get();
  HEBB_CHECK(static_cast<int>(slices.size()) == current_->slices());
  rows_.training = use != Use::kEvaluation;
  rows_.offsets.assign(1, 0);
  samples_.clear();
  for (const std::span<const engine::Sample> slice : slices) {
    samples_.insert(samples_.end(), slice.begin(), slice.end());
    rows_.offsets.push_back(static_cast<int64_t>(samples_.size()));
  }
  HEBB_CHECK(rows_.count() <= max_rows_);
  rows_.most = 0;
  for (int i = 0; i < rows_.slices(); ++i) rows_.most = std::max(rows_.most, rows_.of_slice(i));
  for (const engine::Sample& sample : samples_) {
    if (sample.label >= 0 && sample.label < parts_.plan.classes) continue;
    return absl::OutOfRangeError(absl::StrCat("record ", sample.id, " has label ", sample.label,
                                              " but the network has ", parts_.plan.classes,
                                              " classes; check the data set"));
  }
  parts_.records.Find(samples_, std::span(places_).first(samples_.size()));
  FillBlock(epoch, slices, counted);
  work_.Upload(std::span<const std::byte>(block_), device_block_);
  for (const std::unique_ptr<Layer>& layer : layers_) layer->Prepare(rows_);
  return work_.status();
}

void Network::FillBlock(int64_t epoch, std::span<const std::span<const engine::Sample>> slices,
                        int64_t counted) {
  const BlockLayout layout(max_rows_, max_slices_);
  std::byte* const block = block_.data();
  std::copy_n(places_.begin(), rows_.count(), At<const uint8_t*>(block, layout.records));
  int64_t row = 0;
  for (size_t slice = 0; slice <= slices.size(); ++slice) {
    const auto offset = static_cast<uint32_t>(rows_.offsets[slice]);
    At<uint32_t>(block, layout.offsets)[slice] = offset;
    At<uint32_t>(block, layout.counted)[slice] = std::min(offset, static_cast<uint32_t>(counted));
    if (slice == slices.size()) break;
    for (const engine::Sample& sample : slices[slice]) {
      At<uint32_t>(block, layout.slice_of_row)[row] = static_cast<uint32_t>(slice);
      At<uint32_t>(block, layout.ids)[row] = static_cast<uint32_t>(sample.id);
      At<int32_t>(block, layout.labels)[row] = sample.label;
      if (rows_.training && parts_.augmenter.changes_images()) {
        const nn::Augmenter::Change change = parts_.augmenter.Draw(epoch, sample.id);
        At<kernels::ImageView>(block, layout.views)[row] = {
            static_cast<int16_t>(change.crop_y), static_cast<int16_t>(change.crop_x),
            static_cast<int16_t>(change.shift_y), static_cast<int16_t>(change.shift_x),
            static_cast<int16_t>(change.flip ? 1 : 0)};
      }
      ++row;
    }
  }
}

void Network::LoadImages() {
  const BlockLayout layout(max_rows_, max_slices_);
  const spec::Shape& image = parts_.plan.image;
  const bool changes = rows_.training && parts_.augmenter.changes_images();
  work_.Launch(
      kernels::LoadImages{At<const uint8_t*>(device_block_, layout.records),
                          changes ? At<kernels::ImageView>(device_block_, layout.views) : nullptr,
                          parts_.image_table, images_, static_cast<Index>(image.channels),
                          static_cast<Index>(image.height), static_cast<Index>(image.width)},
      rows_.count() * image.size());
}

// ---- up ----------------------------------------------------------------------------------------

Trace Network::TraceOf(int layer) {
  const std::vector<int>& from = parts_.plan.layers[layer].resolved.inputs;
  std::vector<const float*>& inputs = inputs_[layer];
  for (size_t i = 0; i < from.size(); ++i) inputs[i] = from[i] < 0 ? images_ : outputs_[from[i]];
  return {inputs, outputs_[layer]};
}

void Network::Statistics(int layer) {
  const int sum = parts_.plan.layers[layer].statistics_sum;
  norm(layer)->PartStatistics(rows_, TraceOf(layer).inputs[0], PlaceOf(sum));
  current_->Fold(sum, 0, current_->of(sum).size, work_);
}

void Network::TakeStatistics(int layer, const float* sums) {
  norm(layer)->TakeStatistics(rows_, sums);
}

void Network::Forward(int layer) {
  NormLayer* const of_norm = norm(layer);
  if (of_norm != nullptr && !rows_.training) of_norm->RunningStatistics();
  if (of_norm != nullptr && rows_.training && !of_norm->over_batch()) {
    Statistics(layer);
    of_norm->OwnStatistics(rows_);
  }
  layers_[layer]->Forward(rows_, TraceOf(layer));
}

void Network::Loss() {
  const BlockLayout layout(max_rows_, max_slices_);
  const int last = static_cast<int>(layers_.size()) - 1;
  const auto* hinge = std::get_if<spec::Hinge>(&parts_.loss);
  work_.Launch(
      kernels::Loss{outputs_[last], At<int32_t>(device_block_, layout.labels), parts_.step, losses_,
                    rows_.training ? deltas_[parts_.plan.layers[last].delta_slot] : nullptr,
                    static_cast<Index>(parts_.plan.classes), KindOf(parts_.loss),
                    hinge == nullptr ? 0.0 : hinge->off_class_weight},
      rows_.count());
  const int64_t parts = LossPartsOf(rows_.most);
  work_.Launch(kernels::LossParts{losses_, At<uint32_t>(device_block_, layout.counted), loss_parts_,
                                  static_cast<Index>(parts)},
               rows_.slices() * parts);
  work_.Launch(kernels::LossTotals{loss_parts_, totals_, static_cast<Index>(parts)},
               rows_.slices());
}

std::vector<kernels::RowLoss> Network::FetchedTotals() {
  std::vector<kernels::RowLoss> totals(rows_.slices());
  work_.Fetched(std::span(totals));
  return totals;
}

std::vector<float> Network::ReadOutput(int layer) {
  std::vector<float> values(rows_.count() * Units(layer));
  work_.Download(outputs_[layer], std::span(values));
  return values;
}

}  // namespace hebb::gpu
