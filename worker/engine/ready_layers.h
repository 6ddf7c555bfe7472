// SPDX-License-Identifier: Apache-2.0
// Keeps count of which layers' updates exist for all of the rank's slices, and tells the sink, from
// the last layer to the first, one call at a time.
#ifndef HEBB_WORKER_ENGINE_READY_LAYERS_H_
#define HEBB_WORKER_ENGINE_READY_LAYERS_H_

#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "worker/device/aligned_buffer.h"
#include "worker/engine/engine.h"

namespace hebb::engine {

// Thread-safe. Owns the updates G of every slice and parameter.
class ReadyLayers {
 public:
  ReadyLayers(std::span<const ParameterInfo> parameters, int slices);

  // Where slice `slice` writes its G of `parameter`. The memory stays the same.
  float* Update(int slice, int parameter) { return updates_[parameter][slice].data(); }

  // Begins a step; `sink` is borrowed until the next.
  void Start(UpdateSink& sink);

  // One more slice has written `parameter`. Returns the sink's first error, if it had any.
  absl::Status Done(int parameter);

 private:
  std::vector<std::vector<device::FloatBuffer>> updates_;  // [parameter][slice]
  std::vector<std::vector<const float*>> leaves_;          // the same memory

  absl::Mutex mutex_;
  UpdateSink* sink_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<int> missing_ ABSL_GUARDED_BY(mutex_);  // slices, by parameter
  int next_ ABSL_GUARDED_BY(mutex_) = -1;             // the next to be told
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_READY_LAYERS_H_
