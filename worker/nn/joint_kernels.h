// SPDX-License-Identifier: Apache-2.0
// The three products of a layer with many weights, on the rows of all slices of a rank at once and
// spread over a pool by the weights, so that each of them comes from memory once:
//   h = W x + bias,   delta_{l-1} = B^T d,   G = the sum of d x^T over rows.
// What W, B, G and the bias look like, and in which order each number is made, is up to the kind of
// layer; no number depends on the other rows, on how many there are, or on the threads.
#ifndef HEBB_WORKER_NN_JOINT_KERNELS_H_
#define HEBB_WORKER_NN_JOINT_KERNELS_H_

#include <cstdint>
#include <span>

#include "worker/device/compute_pool.h"
#include "worker/slices/fold.h"

namespace hebb::nn {

// The rows of all slices of a rank, one slice after the other: slice i has the rows
// [offsets[i], offsets[i + 1]); it may have none.
struct JointRows {
  int64_t rows = 0;                  // offsets.back()
  std::span<const int64_t> offsets;  // one more than slices
};

// Thread-safety: one thread at a time, with a pool that no one else uses meanwhile and that has no
// more threads than the kernels were made for. All matrices are float32 and the caller's.
class JointKernels {
 public:
  virtual ~JointKernels() = default;

  // Makes room for that many rows; allocates only if it is more than ever before.
  virtual void PrepareRows(int64_t most_rows) = 0;

  // All REQUIRE PrepareRows for that many rows or more, and allocate nothing (BackwardWeights: but
  // when the fold has more inputs than ever before).

  // bias: null without.
  virtual void Forward(int64_t rows, const float* x, const float* w, const float* bias, float* h,
                       device::ComputePool& pool) = 0;
  virtual void BackwardData(int64_t rows, const float* d, const float* b, float* delta,
                            device::ComputePool& pool) = 0;
  // Writes root r of the fold over the slices' parts of G to nodes[r].
  // REQUIRES: fold.inputs() slices, fold.roots() nodes.
  virtual void BackwardWeights(const JointRows& rows, const float* x, const float* d,
                               const slices::Fold& fold, std::span<float* const> nodes,
                               device::ComputePool& pool) = 0;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_KERNELS_H_
