// SPDX-License-Identifier: Apache-2.0
// The three products of a dense layer, all matrices row-major:
//   h[rows][out] = x[rows][in] W^T,   delta[rows][in] = d[rows][out] B,   G[out][in] = d^T x.
#ifndef HEBB_WORKER_NN_DENSE_KERNELS_H_
#define HEBB_WORKER_NN_DENSE_KERNELS_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"

namespace hebb::nn {

// Thread-safety: one thread at a time, on threads of a ComputePool. INTERNAL: the library refused.
class DenseKernels {
 public:
  static std::unique_ptr<DenseKernels> Create(int64_t inputs, int64_t units);
  virtual ~DenseKernels() = default;

  // Makes the kernels for this number of rows, once each.
  virtual absl::Status PrepareRows(int64_t rows) = 0;

  // REQUIRES: PrepareRows(rows).
  virtual absl::Status Forward(int64_t rows, const float* x, const float* w, float* h) = 0;
  virtual absl::Status BackwardData(int64_t rows, const float* d, const float* b, float* delta) = 0;
  virtual absl::Status BackwardWeights(int64_t rows, const float* x, const float* d, float* g) = 0;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_DENSE_KERNELS_H_
