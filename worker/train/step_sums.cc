// SPDX-License-Identifier: Apache-2.0
#include "worker/train/step_sums.h"

#include <algorithm>
#include <new>

#include "common/check.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"

namespace hebb::train {
namespace {

constexpr size_t kFixed = 5;  // entries of the totals before those of the ranks

}  // namespace

StepSums::StepSums(comm::Communicator& communicator, const SliceLayout& layout,
                   std::span<const engine::SumInfo> sums, slices::VectorMemory& memory,
                   absl::Duration backstop)
    : topology_(layout.topology),
      alone_(layout.topology.size == 1),
      memory_(memory),
      infos_(sums.begin(), sums.end()),
      sums_(sums.size()),
      sum_views_(sums.size()),
      started_(sums.size()),
      totals_fold_(slices::Fold::OfRank(layout.tree_slices(), layout.owned())),
      totals_leaves_(layout.local_slices(), TotalsVector(kFixed + layout.topology.size)),
      totals_nodes_(totals_fold_.fold().roots(), TotalsVector(kFixed + layout.topology.size)),
      totals_(kFixed + layout.topology.size),
      queue_(communicator, {.slices = layout.slices, .backstop = backstop}) {
  for (size_t i = 0; i < sums.size() && !alone_; ++i) {
    sums_[i] = slices::OwnedVector(memory, sums[i].size);
    sum_views_[i] = sums_[i].span();
  }
  for (const TotalsVector& leaf : totals_leaves_) leaf_pointers_.push_back(leaf.data());
  for (TotalsVector& node : totals_nodes_) node_pointers_.push_back(node.data());
}

// The engine may still be reading the last step's sums.
StepSums::~StepSums() {
  if (!alone_) memory_.Settle().IgnoreError();  // what is wrong shows at its next use
}

void StepSums::Begin() {
  std::fill(started_.begin(), started_.end(), char{0});
  begin_ = SteadyNow();
  waited_at_begin_ = queue_.totals().wait_seconds;
  forward_seconds_.reset();
}

void StepSums::ForwardDone() {
  const double waited = queue_.totals().wait_seconds - waited_at_begin_;
  forward_seconds_ = absl::ToDoubleSeconds(SteadyNow() - begin_) - waited;
}

absl::Status StepSums::Ready(int sum, std::span<const float* const> nodes) {
  HEBB_CHECK(nodes.size() == totals_nodes_.size());
  started_[sum] = 1;
  if (alone_) {
    sum_views_[sum] = {nodes[0], static_cast<size_t>(infos_[sum].size)};
    return absl::OkStatus();
  }
  // For the nodes, and for the sum, which the engine may still be reading since the step before.
  HEBB_RETURN_IF_ERROR(memory_.Settle());
  queue_.Start(sum, nodes, sums_[sum].span(), memory_);
  return absl::OkStatus();
}

absl::StatusOr<std::span<const float>> StepSums::WaitForSum(int sum) {
  if (!alone_) HEBB_RETURN_IF_ERROR(queue_.Wait(sum));
  return sum_views_[sum];
}

absl::Status StepSums::StartMissing() {
  int64_t longest = 0;
  for (const engine::SumInfo& info : infos_) longest = std::max(longest, info.size);
  try {
    if (zeros_.size() == 0) zeros_ = slices::OwnedVector(memory_, longest);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("no memory left to tell the gang that this step failed");
  }
  const std::vector<const float*> nodes(totals_nodes_.size(), zeros_.data());
  for (size_t sum = 0; sum < infos_.size(); ++sum) {
    if (started_[sum] == 0) HEBB_RETURN_IF_ERROR(Ready(static_cast<int>(sum), nodes));
  }
  return absl::OkStatus();
}

void StepSums::StartTotals(std::span<const engine::SliceTotals> totals, const ControlFlags& flags,
                           double own_seconds) {
  for (size_t i = 0; i < totals_leaves_.size(); ++i) {
    totals_leaves_[i][0] = totals[i].loss;
    totals_leaves_[i][1] = totals[i].correct;
  }
  TotalsVector& first = totals_leaves_.front();
  first[2] = flags.leave ? 1.0F : 0.0F;
  first[3] = flags.stop ? 1.0F : 0.0F;
  first[4] = flags.stop_checkpoint ? 1.0F : 0.0F;
  first[kFixed + topology_.rank] = static_cast<float>(own_seconds);
  totals_fold_.Run(leaf_pointers_, node_pointers_, totals_.size());
  queue_.Start(static_cast<int>(infos_.size()), node_pointers_, totals_);
}

absl::StatusOr<StepTotals> StepSums::Finish() {
  HEBB_RETURN_IF_ERROR(queue_.Drain());
  return StepTotals{
      .loss = totals_[0],
      .correct = totals_[1],
      .flags = {.leave = totals_[2] > 0, .stop = totals_[3] > 0, .stop_checkpoint = totals_[4] > 0},
      .own_seconds = std::span<const float>(totals_).subspan(kFixed)};
}

}  // namespace hebb::train
