// SPDX-License-Identifier: Apache-2.0
// How the engine's parts speak to a device without asking after each word whether it was heard: the
// first error is kept, and nothing is done after it. Whoever begins a piece of work looks at the
// status at its end.
#ifndef HEBB_WORKER_GPU_WORK_H_
#define HEBB_WORKER_GPU_WORK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "worker/gpu/ops.h"

namespace hebb::gpu {

// One thread at a time. Borrows the device's queue.
class Work {
 public:
  explicit Work(Ops& ops) : ops_(ops) {}

  const absl::Status& status() const { return status_; }
  Ops& ops() { return ops_; }

  // Takes over an error from elsewhere.
  void Note(const absl::Status& status) {
    if (status_.ok()) status_ = status;
  }

  void Launch(const kernels::Kernel& kernel, int64_t n) {
    if (status_.ok() && n > 0) status_ = ops_.Launch(kernel, n);
  }
  void Multiply(const Gemm& gemm) {
    if (status_.ok()) status_ = ops_.Multiply(gemm);
  }
  void Copy(const float* from, float* to, int64_t floats) {
    if (status_.ok() && floats > 0) status_ = ops_.Copy(from, to, floats * kFloat);
  }
  void Clear(float* values, int64_t floats) {
    if (status_.ok() && floats > 0) status_ = ops_.Clear(values, floats * kFloat);
  }
  template <typename T>
  void Upload(std::span<const T> from, T* to) {
    if (status_.ok() && !from.empty()) {
      status_ = ops_.Upload(from.data(), to, static_cast<int64_t>(from.size_bytes()));
    }
  }
  template <typename T>
  void Download(const T* from, std::span<T> to) {
    if (status_.ok() && !to.empty()) {
      status_ = ops_.Download(from, to.data(), static_cast<int64_t>(to.size_bytes()));
    }
  }

 private:
  static constexpr int64_t kFloat = sizeof(float);

  Ops& ops_;
  absl::Status status_;
};

// Device memory that lives and goes together. One thread at a time; borrows the device.
class Pool {
 public:
  explicit Pool(Ops& ops) : ops_(ops) {}
  ~Pool() {
    for (void* block : blocks_) ops_.Free(block);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Zeros; null for none of them, and after an error.
  template <typename T>
  T* Take(int64_t count) {
    if (count <= 0 || !status_.ok()) return nullptr;
    absl::StatusOr<void*> block = ops_.Allocate(count * static_cast<int64_t>(sizeof(T)));
    status_ = block.status();
    if (!block.ok()) return nullptr;
    blocks_.push_back(*block);
    return static_cast<T*>(*block);
  }
  // The first error: RESOURCE_EXHAUSTED.
  const absl::Status& status() const { return status_; }

 private:
  Ops& ops_;
  std::vector<void*> blocks_;
  absl::Status status_;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_WORK_H_
