// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/ready_sums.h"

#include "common/check.h"

namespace hebb::engine {

ReadySums::ReadySums(const Plan& plan, const slices::Fold& fold) {
  std::vector<bool> joint(plan.sums.size(), false);
  for (const PlannedLayer& planned : plan.layers) {
    if (planned.joint) joint[planned.update_sum] = true;
  }
  for (size_t s = 0; s < plan.sums.size(); ++s) {
    Sum& sum = sums_.emplace_back(fold);
    sum.size = static_cast<size_t>(plan.sums[s].size);
    for (int node = 0; node < fold.roots(); ++node) {
      sum.memory.emplace_back(plan.sums[s].size);
      sum.nodes.push_back(sum.memory.back().data());
    }
    told_.emplace_back(sum.nodes.begin(), sum.nodes.end());
    if (!joint[s]) AddParts(sum);
  }
}

void ReadySums::AddParts(Sum& sum) {
  const slices::Fold& fold = sum.fold.fold();
  int node = 0;
  bool first = true;
  for (int slice = 0; slice < fold.inputs(); ++slice) {
    if (first) {
      sum.parts.push_back(sum.nodes[node]);
    } else {
      sum.memory.emplace_back(static_cast<int64_t>(sum.size));
      sum.parts.push_back(sum.memory.back().data());
    }
    first = fold.root(slice) >= 0;
    if (first) ++node;
  }
  sum.leaves.assign(sum.parts.begin(), sum.parts.end());
}

void ReadySums::Start(SumSink& sink) {
  absl::MutexLock lock(&mutex_);
  sink_ = &sink;
  for (Sum& sum : sums_) {
    sum.missing = static_cast<int>(sum.parts.size());
    sum.ready = false;
  }
  next_ = 0;
  status_ = absl::OkStatus();
}

absl::Status ReadySums::Tell() {
  while (status_.ok() && next_ < sums_.size() && sums_[next_].ready) {
    status_ = sink_->Ready(static_cast<int>(next_), told_[next_]);
    ++next_;
  }
  return status_;
}

absl::Status ReadySums::Done(int index) {
  Sum& sum = sums_[index];
  {
    absl::MutexLock lock(&mutex_);
    HEBB_CHECK(sum.missing > 0);
    if (--sum.missing > 0) return status_;
  }
  sum.fold.Run(sum.leaves, sum.nodes, sum.size);
  return NodesDone(index);
}

absl::Status ReadySums::NodesDone(int index) {
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(sums_[index].missing == 0 && !sums_[index].ready);
  sums_[index].ready = true;
  return Tell();
}

}  // namespace hebb::engine
