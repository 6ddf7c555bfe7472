// SPDX-License-Identifier: Apache-2.0
#include "worker/train/batch_loader.h"

#include "worker/data/order.h"

namespace hebb::train {

slices::SliceRange SliceLayout::owned() const {
  if (slices == 0) return {0, threads};
  return slices::SlicesOfRank(slices, topology.rank, topology.size);
}

std::pair<int64_t, int64_t> SliceLayout::Rows(int64_t rows, int local) const {
  if (slices > 0) {
    return data::SliceRows(rows, slices, owned().begin + local);
  }
  const auto [part_begin, part_end] = data::SliceRows(rows, topology.size, topology.rank);
  const auto [begin, end] = data::SliceRows(part_end - part_begin, threads, local);
  return {part_begin + begin, part_begin + end};
}

Batch BatchLoader::Load(int64_t step) {
  const spec::Job& job = stage_.job;
  const int64_t epoch = stage_.EpochAfter(step);
  if (order_epoch_ != epoch) {
    data::FillEpochOrder(job.seed, epoch, plan_.records, job.dataset.shuffle, order_);
    order_epoch_ = epoch;
  }
  const auto [begin, end] =
      data::BatchRange(plan_.records, job.learning.batch_size, stage_.StepInEpochAfter(step));
  const int64_t rows = end - begin;
  const int count = layout_.local_slices();
  // A rank's slices follow each other in the batch, so its samples are one range.
  const int64_t first = layout_.Rows(rows, 0).first;
  const int64_t last = layout_.Rows(rows, count - 1).second;
  samples_.clear();
  for (int64_t row = first; row < last; ++row) {
    const int64_t index = order_[begin + row];
    const data::Record record = plan_.dataset->Get(data::Split::kTrain, index);
    samples_.push_back({record.pixels, record.label, index});
  }
  slices_.clear();
  const std::span<const engine::Sample> samples = samples_;
  for (int local = 0; local < count; ++local) {
    const auto [slice_begin, slice_end] = layout_.Rows(rows, local);
    slices_.push_back(samples.subspan(slice_begin - first, slice_end - slice_begin));
  }
  return {rows, last - first, slices_};
}

}  // namespace hebb::train
