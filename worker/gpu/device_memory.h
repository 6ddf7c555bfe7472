// SPDX-License-Identifier: Apache-2.0
// The memory of a GPU as the sums over the gang see it.
#ifndef HEBB_WORKER_GPU_DEVICE_MEMORY_H_
#define HEBB_WORKER_GPU_DEVICE_MEMORY_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "worker/gpu/ops.h"
#include "worker/slices/vector_memory.h"

namespace hebb::gpu {

// Thread-safety: as VectorMemory. Settle and ToHost wait for the engine's queue and are its
// thread's only; all else goes over a second queue, which the two threads share by turns, and is
// done when the call returns.
//
// Owns the second queue. Its vectors and foldings are given back before it ends.
class DeviceMemory final : public slices::VectorMemory {
 public:
  // `ops` is the engine's, borrowed. Errors are those of Ops::Second.
  static absl::StatusOr<std::unique_ptr<DeviceMemory>> Create(Ops& ops);

  // std::bad_alloc also where the device is broken; Settle then says so.
  float* Allocate(size_t floats) override;
  // REQUIRES: no work that is under way uses it.
  void Free(float* vector) override;
  // REQUIRES: a stack of at most kernels::kFoldDepth entries: 2^15 slices need no more.
  std::unique_ptr<slices::Folding> MakeFolding(const slices::Fold& fold) override;
  absl::Status Copy(const float* from, float* to, size_t n) override;
  absl::Status FromHost(std::span<const float> from, float* to) override;
  absl::Status ToHost(const float* from, std::span<float> to) override;
  absl::Status Settle() override;

 private:
  class DeviceFolding;

  DeviceMemory(Ops& engine, std::unique_ptr<Ops> second)
      : engine_(engine), second_(std::move(second)) {}

  Ops& engine_;
  absl::Mutex mutex_;
  const std::unique_ptr<Ops> second_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_DEVICE_MEMORY_H_
