// SPDX-License-Identifier: Apache-2.0
// Memory for activations, matrices and updates: fixed size, zeroed, always at the same alignment,
// so that no kernel can take another path for one slice than for another.
#ifndef HEBB_WORKER_DEVICE_ALIGNED_BUFFER_H_
#define HEBB_WORKER_DEVICE_ALIGNED_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace hebb::device {

// Zeroed, aligned to 4096 bytes (2 MiB and huge pages from 2 MiB on). Throws std::bad_alloc, as
// `new` does; engine::CreateCpuEngine turns that into a status.
void* AllocateAligned(size_t bytes);

struct FreeAligned {
  size_t bytes = 0;  // as asked for
  void operator()(void* memory) const;
};

// Owns its memory; movable. T is a plain number type.
template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(int64_t size)
      : data_(static_cast<T*>(AllocateAligned(static_cast<size_t>(size) * sizeof(T))),
              FreeAligned{static_cast<size_t>(size) * sizeof(T)}),
        size_(size) {}

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t size() const { return size_; }
  std::span<T> span() { return {data_.get(), static_cast<size_t>(size_)}; }
  std::span<const T> span() const { return {data_.get(), static_cast<size_t>(size_)}; }

 private:
  std::unique_ptr<T[], FreeAligned> data_;
  int64_t size_ = 0;
};

using FloatBuffer = AlignedBuffer<float>;

}  // namespace hebb::device

#endif  // HEBB_WORKER_DEVICE_ALIGNED_BUFFER_H_
