// SPDX-License-Identifier: Apache-2.0
// cuBLAS knows columns only. A row-major matrix is its own transpose, column-major; so instead of
// C = A B it computes C^T = B^T A^T, and nothing is moved.
#ifndef HEBB_WORKER_CUDA_GEMM_LAYOUT_H_
#define HEBB_WORKER_CUDA_GEMM_LAYOUT_H_

#include <cstdint>

#include "worker/gpu/ops.h"

namespace hebb::cuda {

// c[rows x columns] = op(first)[rows x depth] op(second)[depth x columns], column-major, with the
// distances between columns.
struct ColumnGemm {
  int64_t rows = 0, columns = 0, depth = 0;
  const float* first = nullptr;
  bool first_transposed = false;
  int64_t first_stride = 0;
  const float* second = nullptr;
  bool second_transposed = false;
  int64_t second_stride = 0;
  float* c = nullptr;
  int64_t c_stride = 0;
};

inline ColumnGemm ToColumns(const gpu::Gemm& gemm) {
  ColumnGemm columns;
  columns.rows = gemm.n;
  columns.columns = gemm.m;
  columns.depth = gemm.k;
  columns.first = gemm.b;
  columns.first_transposed = gemm.b_transposed;
  columns.first_stride = gemm.b_transposed ? gemm.k : gemm.n;
  columns.second = gemm.a;
  columns.second_transposed = gemm.a_transposed;
  columns.second_stride = gemm.a_transposed ? gemm.m : gemm.k;
  columns.c = gemm.c;
  columns.c_stride = gemm.n;
  return columns;
}

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_GEMM_LAYOUT_H_
