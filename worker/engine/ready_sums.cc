// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/ready_sums.h"

#include "common/check.h"

namespace hebb::engine {

ReadySums::ReadySums(std::span<const SumInfo> sums, int slices)
    : parts_(sums.size()), leaves_(sums.size()), missing_(sums.size(), 0) {
  for (size_t s = 0; s < sums.size(); ++s) {
    for (int slice = 0; slice < slices; ++slice) {
      parts_[s].emplace_back(sums[s].size);
      leaves_[s].push_back(parts_[s].back().data());
    }
  }
}

void ReadySums::Start(SumSink& sink) {
  absl::MutexLock lock(&mutex_);
  sink_ = &sink;
  for (size_t s = 0; s < missing_.size(); ++s) missing_[s] = static_cast<int>(leaves_[s].size());
  next_ = 0;
  status_ = absl::OkStatus();
}

absl::Status ReadySums::Tell() {
  while (status_.ok() && next_ < missing_.size() && missing_[next_] == 0) {
    status_ = sink_->Ready(static_cast<int>(next_), leaves_[next_]);
    ++next_;
  }
  return status_;
}

absl::Status ReadySums::Done(int sum) {
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(missing_[sum] > 0);
  --missing_[sum];
  return Tell();
}

absl::Status ReadySums::AllDone(int sum) {
  absl::MutexLock lock(&mutex_);
  missing_[sum] = 0;
  return Tell();
}

}  // namespace hebb::engine
