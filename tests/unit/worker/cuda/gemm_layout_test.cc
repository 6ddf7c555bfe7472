// SPDX-License-Identifier: Apache-2.0
// A product by columns, with the arguments that cuBLAS is given, is the row-major product that was
// asked for: all four ways of transposing, of matrices whose three sizes differ.
#include "worker/cuda/gemm_layout.h"

#include <gtest/gtest.h>

#include <vector>

namespace hebb::cuda {
namespace {

std::vector<float> Numbers(int64_t count, int step) {
  std::vector<float> numbers(static_cast<size_t>(count));
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(static_cast<int>(i) * step % 17 - 8);
  }
  return numbers;
}

// By the definition of gpu::Gemm.
std::vector<float> ByRows(const gpu::Gemm& gemm) {
  std::vector<float> c(static_cast<size_t>(gemm.m * gemm.n));
  for (int64_t i = 0; i < gemm.m; ++i) {
    for (int64_t j = 0; j < gemm.n; ++j) {
      for (int64_t l = 0; l < gemm.k; ++l) {
        const float a = gemm.a[gemm.a_transposed ? l * gemm.m + i : i * gemm.k + l];
        const float b = gemm.b[gemm.b_transposed ? j * gemm.k + l : l * gemm.n + j];
        c[static_cast<size_t>(i * gemm.n + j)] += a * b;
      }
    }
  }
  return c;
}

// By the definition of BLAS: a matrix's column is contiguous, the next one is a stride away.
float At(const float* matrix, int64_t stride, bool transposed, int64_t row, int64_t column) {
  return transposed ? matrix[row * stride + column] : matrix[column * stride + row];
}

void RunByColumns(const ColumnGemm& gemm) {
  for (int64_t column = 0; column < gemm.columns; ++column) {
    for (int64_t row = 0; row < gemm.rows; ++row) {
      float sum = 0;
      for (int64_t l = 0; l < gemm.depth; ++l) {
        sum += At(gemm.first, gemm.first_stride, gemm.first_transposed, row, l) *
               At(gemm.second, gemm.second_stride, gemm.second_transposed, l, column);
      }
      gemm.c[column * gemm.c_stride + row] = sum;
    }
  }
}

TEST(GemmLayoutTest, ByColumnsIsTheSameProduct) {
  const std::vector<float> a = Numbers(3 * 5, 7);
  const std::vector<float> b = Numbers(5 * 4, 5);
  for (const bool a_transposed : {false, true}) {
    for (const bool b_transposed : {false, true}) {
      std::vector<float> c(3 * 4, -1.0f);
      const gpu::Gemm gemm = {3, 4, 5, a.data(), a_transposed, b.data(), b_transposed, c.data()};
      RunByColumns(ToColumns(gemm));
      EXPECT_EQ(c, ByRows(gemm)) << a_transposed << b_transposed;
    }
  }
}

}  // namespace
}  // namespace hebb::cuda
