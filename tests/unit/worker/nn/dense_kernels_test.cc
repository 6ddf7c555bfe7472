// SPDX-License-Identifier: Apache-2.0
// Dense products at the sizes of real layers, against plain sums, and their rows' independence.
#include "worker/nn/dense_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"

namespace hebb::nn {
namespace {

constexpr int64_t kInputs = 576;
constexpr int64_t kUnits = 50;

void Fill(device::FloatBuffer& buffer, int64_t period) {
  for (int64_t i = 0; i < buffer.size(); ++i) {
    buffer.data()[i] = std::sin(static_cast<float>(i % period) * 0.7f);
  }
}

TEST(DenseKernelsTest, EqualRowsGiveEqualBitsAndTheRightSums) {
  constexpr int64_t kRows = 64;
  device::ComputePool pool(1);
  pool.ParallelFor(1, [&](int, int) {
    const auto kernels = DenseKernels::Create(kInputs, kUnits);
    device::FloatBuffer x(kRows * kInputs), w(kUnits * kInputs), h(kRows * kUnits);
    device::FloatBuffer delta(kRows * kInputs), g(kUnits * kInputs);
    Fill(x, kInputs);
    Fill(w, kUnits * kInputs);
    ASSERT_TRUE(kernels->PrepareRows(kRows).ok());
    ASSERT_TRUE(kernels->Forward(kRows, x.data(), w.data(), h.data()).ok());
    ASSERT_TRUE(kernels->BackwardData(kRows, h.data(), w.data(), delta.data()).ok());
    ASSERT_TRUE(kernels->BackwardWeights(kRows, x.data(), h.data(), g.data()).ok());
    for (int64_t row = 1; row < kRows; ++row) {
      EXPECT_EQ(std::memcmp(h.data(), h.data() + row * kUnits, kUnits * sizeof(float)), 0) << row;
      EXPECT_EQ(std::memcmp(delta.data(), delta.data() + row * kInputs, kInputs * sizeof(float)),
                0);
    }
    for (int64_t u = 0; u < kUnits; ++u) {
      double field = 0;
      for (int64_t i = 0; i < kInputs; ++i)
        field += double{x.data()[i]} * w.data()[u * kInputs + i];
      EXPECT_NEAR(h.data()[u], field, 1e-6 * kInputs);
      for (int64_t i = 0; i < kInputs; i += 37) {
        EXPECT_NEAR(g.data()[u * kInputs + i], kRows * field * x.data()[i], 1e-6 * kInputs * kRows);
      }
    }
  });
}

}  // namespace
}  // namespace hebb::nn
