// SPDX-License-Identifier: Apache-2.0
// What the sums of a step are made of on this rank, in device memory: of each sum the parts of its
// slices and the nodes of the slice tree that they are folded to.
#ifndef HEBB_WORKER_GPU_SLICE_SUMS_H_
#define HEBB_WORKER_GPU_SLICE_SUMS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/gpu/work.h"
#include "worker/slices/fold.h"

namespace hebb::gpu {

// One sum. Parts lie `stride` floats apart; with one slice the part is the node. All parts and
// nodes are aligned alike: by an address libraries choose the kernel that writes there, and with it
// bits.
struct SliceSum {
  int64_t size = 0;
  float* parts = nullptr;
  int64_t stride = 0;  // a multiple of SliceSums::kPartAlignment
  std::vector<const float*> nodes;
  // On the device: for kernels that fold.
  const float* const* inputs = nullptr;
  float* const* roots = nullptr;

  float* part(int slice) const { return parts + slice * stride; }
};

// One thread at a time. All memory stays where it is.
class SliceSums {
 public:
  // Floats: as much as the device's own allocations.
  static constexpr int64_t kPartAlignment = 64;

  // `fold`: from the rank's slices to its nodes. Errors: `work`'s, and the pool's own.
  SliceSums(std::span<const engine::SumInfo> sums, const slices::Fold& fold, Work& work);

  const absl::Status& status() const { return pool_.status(); }
  const SliceSum& of(int sum) const { return sums_[sum]; }
  int slices() const { return slices_; }
  // The sum over the rank's slices. REQUIRES: it has one.
  const float* WholeOf(int sum) const { return sums_[sum].parts; }
  const int8_t* program() const { return program_; }

  // Folds the floats [begin, begin + count) of all parts.
  void Fold(int sum, int64_t begin, int64_t count, Work& work) const;

 private:
  void Add(int64_t size, int roots, Work& work);

  Pool pool_;
  const int slices_;
  const int8_t* program_ = nullptr;
  std::vector<SliceSum> sums_;
};

// As kernels::FoldVectors reads it.
std::vector<int8_t> FoldProgram(const slices::Fold& fold);

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_SLICE_SUMS_H_
