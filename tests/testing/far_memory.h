// SPDX-License-Identifier: Apache-2.0
// Stands for a GPU's memory where no GPU is needed: it knows its own vectors, holds writes back
// until they are settled, and fails on demand.
#ifndef HEBB_TESTS_TESTING_FAR_MEMORY_H_
#define HEBB_TESTS_TESTING_FAR_MEMORY_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "worker/slices/vector_fold.h"
#include "worker/slices/vector_memory.h"

namespace hebb::testing_support {

// Thread-safe. A test fails when a vector of another memory is given to it, or one is left over.
class FarMemory final : public slices::VectorMemory {
 public:
  ~FarMemory() override { EXPECT_TRUE(sizes_.empty()) << sizes_.size() << " vectors are left"; }

  float* Allocate(size_t floats) override {
    if (full) throw std::bad_alloc();
    auto* vector = new float[floats + 1]();  // one more: every vector has an address of its own
    absl::MutexLock lock(&mutex_);
    sizes_[vector] = floats;
    return vector;
  }

  void Free(float* vector) override {
    absl::MutexLock lock(&mutex_);
    EXPECT_EQ(sizes_.erase(vector), 1U);
    delete[] vector;
  }

  std::unique_ptr<slices::Folding> MakeFolding(const slices::Fold& fold) override {
    return std::make_unique<FarFolding>(*this, fold);
  }

  absl::Status Copy(const float* from, float* to, size_t n) override {
    EXPECT_TRUE(Has(from, n) && Has(to, n));
    std::copy_n(from, n, to);
    return absl::OkStatus();
  }

  absl::Status FromHost(std::span<const float> from, float* to) override {
    EXPECT_TRUE(Has(to, from.size()));
    std::copy(from.begin(), from.end(), to);
    return absl::OkStatus();
  }

  absl::Status ToHost(const float* from, std::span<float> to) override {
    EXPECT_TRUE(Has(from, to.size()));
    const absl::Status settled = Settle();
    std::copy_n(from, to.size(), to.data());
    return settled;
  }

  absl::Status Settle() override {
    absl::MutexLock lock(&mutex_);
    for (const auto& [to, values] : held_back_) std::copy(values.begin(), values.end(), to);
    held_back_.clear();
    return broken ? absl::InternalError("the device is broken") : absl::OkStatus();
  }

  // As an engine writes: it is there at the next Settle.
  void WriteLater(float* to, std::vector<float> values) {
    EXPECT_TRUE(Has(to, values.size()));
    absl::MutexLock lock(&mutex_);
    held_back_.emplace_back(to, std::move(values));
  }

  bool Has(const float* vector, size_t n) const {
    absl::MutexLock lock(&mutex_);
    auto after = sizes_.upper_bound(vector);
    if (after == sizes_.begin()) return false;
    const auto& [begin, size] = *--after;
    return vector + n <= begin + size;
  }

  std::atomic<bool> full = false;    // nothing more can be allocated
  std::atomic<bool> broken = false;  // additions and Settle fail

 private:
  class FarFolding final : public slices::Folding {
   public:
    FarFolding(FarMemory& memory, const slices::Fold& fold) : memory_(memory), fold_(fold) {}

    absl::Status Run(std::span<const float* const> inputs, std::span<float* const> roots,
                     size_t n) override {
      if (memory_.broken) return absl::InternalError("the device is broken");
      for (const float* input : inputs) EXPECT_TRUE(memory_.Has(input, n));
      for (const float* root : roots) EXPECT_TRUE(memory_.Has(root, n));
      fold_.Run(inputs, roots, n);
      return absl::OkStatus();
    }

   private:
    FarMemory& memory_;
    slices::VectorFold fold_;
  };

  mutable absl::Mutex mutex_;
  std::map<const float*, size_t> sizes_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<float*, std::vector<float>>> held_back_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::testing_support

#endif  // HEBB_TESTS_TESTING_FAR_MEMORY_H_
