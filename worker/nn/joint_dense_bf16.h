// SPDX-License-Identifier: Apache-2.0
// The three products of a dense layer (joint_dense_kernels.h) in bfloat16: both factors are rounded
// to it, two of them side by side in the direction of the sum, and the float32 kernels do the rest,
// with pairs for numbers and vdpbf16ps for their multiplication and addition.
//
// Every number is one chain of pairs in a fixed order: of inputs for h, which starts with its bias,
// of units for delta, of a slice's rows for its part of G; a last one without a partner gets +0.
// So results depend neither on the other rows nor on their number or the threads.
#ifndef HEBB_WORKER_NN_JOINT_DENSE_BF16_H_
#define HEBB_WORKER_NN_JOINT_DENSE_BF16_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "worker/device/aligned_buffer.h"
#include "worker/nn/joint_dense_kernels.h"
#include "worker/nn/joint_kernels.h"

namespace hebb::nn {

// Layouts as JointDenseKernels.
class JointDenseBf16 : public JointKernels {
 public:
  // REQUIRES: HasBf16Products().
  static std::unique_ptr<JointDenseBf16> Create(int64_t inputs, int64_t units, int threads);

  void PrepareRows(int64_t most_rows) override;
  void Forward(int64_t rows, const float* x, const float* w, const float* bias, float* h,
               device::ComputePool& pool) override;
  void BackwardData(int64_t rows, const float* d, const float* b, float* delta,
                    device::ComputePool& pool) override;
  void BackwardWeights(const JointRows& rows, const float* x, const float* d,
                       const slices::Fold& fold, std::span<float* const> nodes,
                       device::ComputePool& pool) override;

 private:
  JointDenseBf16(int64_t inputs, int64_t units, int threads);

  const int64_t inputs_;
  const int64_t units_;
  // Each with the direction of its sum half as long.
  std::unique_ptr<JointDenseKernels> forward_, backward_, update_;
  int64_t most_rows_ = 0;
  // In pairs.
  device::FloatBuffer x_, d_, matrix_;
  std::vector<int64_t> offsets_;  // of the slices
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_DENSE_BF16_H_
