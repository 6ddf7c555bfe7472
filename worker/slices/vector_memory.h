// SPDX-License-Identifier: Apache-2.0
// The memory that the vectors of a sum lie in, and the additions that are made there: the host's,
// or a GPU's, whose pointers the host must not follow.
#ifndef HEBB_WORKER_SLICES_VECTOR_MEMORY_H_
#define HEBB_WORKER_SLICES_VECTOR_MEMORY_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "worker/slices/fold.h"

namespace hebb::slices {

// The additions of one fold on whole vectors; it keeps what it needs between calls. One thread at a
// time.
class Folding {
 public:
  virtual ~Folding() = default;

  // As VectorFold::Run: the same additions in the same order. Returns when the roots are written.
  // Errors are the device's.
  virtual absl::Status Run(std::span<const float* const> inputs, std::span<float* const> roots,
                           size_t n) = 0;
};

// Thread-safety: the training thread and one communication thread at once.
class VectorMemory {
 public:
  virtual ~VectorMemory() = default;

  // Zeros. Throws std::bad_alloc.
  virtual float* Allocate(size_t floats) = 0;
  virtual void Free(float* vector) = 0;

  // Additions in the order of `fold`.
  virtual std::unique_ptr<Folding> MakeFolding(const Fold& fold) = 0;

  // to = from, n floats, both in this memory. Returns when it is done.
  virtual absl::Status Copy(const float* from, float* to, size_t n) = 0;

  // Copies from the host, and is done when it returns.
  virtual absl::Status FromHost(std::span<const float> from, float* to) = 0;
  // Copies to the host; waits for what the engine has begun to write before.
  virtual absl::Status ToHost(const float* from, std::span<float> to) = 0;

  // Waits until all that the engine has begun to write is written: only then may another thread
  // read it.
  virtual absl::Status Settle() = 0;
};

// The host's: any pointer will do. One for all.
VectorMemory& HostMemory();

// A vector that a VectorMemory owns the floats of.
class OwnedVector {
 public:
  OwnedVector() = default;
  OwnedVector(VectorMemory& memory, size_t floats)
      : vector_(memory.Allocate(floats), Release{&memory}), size_(floats) {}

  float* data() const { return vector_.get(); }
  size_t size() const { return size_; }
  std::span<float> span() const { return {data(), size_}; }

 private:
  struct Release {
    VectorMemory* memory;
    void operator()(float* vector) const { memory->Free(vector); }
  };

  std::unique_ptr<float, Release> vector_;
  size_t size_ = 0;
};

}  // namespace hebb::slices

#endif  // HEBB_WORKER_SLICES_VECTOR_MEMORY_H_
