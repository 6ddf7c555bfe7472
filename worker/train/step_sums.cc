// SPDX-License-Identifier: Apache-2.0
#include "worker/train/step_sums.h"

#include <algorithm>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/comm/tree_sum.h"

namespace hebb::train {

StepSums::StepSums(comm::Communicator& communicator, const SliceLayout& layout,
                   std::span<const engine::SumInfo> sums)
    : canonical_(layout.slices > 0),
      started_(sums.size()),
      totals_leaves_(layout.local_slices()),
      queue_(communicator, {.slices = layout.slices}) {
  for (const engine::SumInfo& sum : sums) {
    sums_.emplace_back(sum.size);
    sum_views_.emplace_back(sums_.back());
  }
  for (const TotalsVector& leaf : totals_leaves_) totals_pointers_.push_back(leaf.data());
}

void StepSums::Begin() { std::fill(started_.begin(), started_.end(), char{0}); }

void StepSums::Start(int index, std::span<const float* const> leaves, std::span<float> sum) {
  if (canonical_) {
    queue_.Start(index, leaves, sum);
    return;
  }
  comm::SerialTreeSum(leaves, sum);
  const float* const part = sum.data();
  queue_.Start(index, {&part, 1}, sum);
}

absl::Status StepSums::Ready(int sum, std::span<const float* const> leaves) {
  HEBB_CHECK(leaves.size() == totals_leaves_.size());
  started_[sum] = 1;
  Start(sum, leaves, sums_[sum]);
  return absl::OkStatus();
}

absl::StatusOr<std::span<const float>> StepSums::WaitForSum(int sum) {
  HEBB_RETURN_IF_ERROR(queue_.Wait(sum));
  return sum_views_[sum];
}

void StepSums::StartMissing() {
  for (const std::vector<float>& sum : sums_) zeros_.resize(std::max(zeros_.size(), sum.size()));
  const std::vector<const float*> leaves(totals_leaves_.size(), zeros_.data());
  for (size_t sum = 0; sum < sums_.size(); ++sum) {
    if (started_[sum] == 0) Start(static_cast<int>(sum), leaves, sums_[sum]);
  }
}

void StepSums::StartTotals(std::span<const engine::SliceTotals> totals, const ControlFlags& flags) {
  for (size_t i = 0; i < totals_leaves_.size(); ++i) {
    totals_leaves_[i] = {totals[i].loss, totals[i].correct, 0, 0, 0};
  }
  TotalsVector& first = totals_leaves_.front();
  first[2] = flags.leave ? 1.0F : 0.0F;
  first[3] = flags.stop ? 1.0F : 0.0F;
  first[4] = flags.stop_checkpoint ? 1.0F : 0.0F;
  Start(static_cast<int>(sums_.size()), totals_pointers_, totals_);
}

absl::StatusOr<StepTotals> StepSums::Finish() {
  HEBB_RETURN_IF_ERROR(queue_.Drain());
  return StepTotals{
      .loss = totals_[0],
      .correct = totals_[1],
      .flags = {
          .leave = totals_[2] > 0, .stop = totals_[3] > 0, .stop_checkpoint = totals_[4] > 0}};
}

}  // namespace hebb::train
