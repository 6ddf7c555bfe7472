// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/ready_layers.h"

#include <algorithm>

#include "common/check.h"

namespace hebb::engine {

ReadyLayers::ReadyLayers(std::span<const ParameterInfo> parameters, int slices)
    : updates_(parameters.size()), leaves_(parameters.size()), missing_(parameters.size(), 0) {
  for (size_t p = 0; p < parameters.size(); ++p) {
    for (int slice = 0; slice < slices; ++slice) {
      updates_[p].emplace_back(parameters[p].size);
      leaves_[p].push_back(updates_[p].back().data());
    }
  }
}

void ReadyLayers::Start(UpdateSink& sink) {
  absl::MutexLock lock(&mutex_);
  sink_ = &sink;
  for (size_t p = 0; p < missing_.size(); ++p) missing_[p] = static_cast<int>(leaves_[p].size());
  next_ = static_cast<int>(missing_.size()) - 1;
  status_ = absl::OkStatus();
}

absl::Status ReadyLayers::Done(int parameter) {
  absl::MutexLock lock(&mutex_);
  HEBB_CHECK(missing_[parameter] > 0);
  --missing_[parameter];
  while (status_.ok() && next_ >= 0 && missing_[next_] == 0) {
    status_ = sink_->LayerReady(next_, leaves_[next_]);
    --next_;
  }
  return status_;
}

}  // namespace hebb::engine
