// SPDX-License-Identifier: Apache-2.0
// Where a kernel's taps land: an image with a single 1 prints the kernel (mirrored) around it.
#include "worker/nn/conv_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"

namespace hebb::nn {
namespace {

using testing::ElementsAre;

// Output of one channel for a 1 at the middle of a 3x3 image, kernel entries 1, 2, 3, ...
std::vector<float> Impulse(int64_t kernel) {
  ConvShape shape;
  shape.input = shape.output = {1, 3, 3};
  shape.kernel = kernel;
  shape.pad_before = (kernel - 1) / 2;
  shape.pad_after = kernel - 1 - shape.pad_before;
  std::vector<float> result(9);
  device::ComputePool pool(1);
  pool.ParallelFor(1, [&](int, int) {
    ConvScratch scratch;
    auto kernels = ConvKernels::Create(shape, /*bf16=*/false, &scratch);
    ASSERT_TRUE(kernels.ok()) << kernels.status();
    std::vector<float> weights(shape.weights());
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i + 1);
    device::FloatBuffer packed((*kernels)->packed_forward_size()), x(9), h(9);
    x.data()[4] = 1;
    ASSERT_TRUE((*kernels)->PackForward(weights.data(), packed.data()).ok());
    ASSERT_TRUE((*kernels)->PrepareRows(1).ok());
    ASSERT_TRUE((*kernels)->Forward(1, x.data(), packed.data(), h.data()).ok());
    result.assign(h.data(), h.data() + 9);
  });
  return result;
}

TEST(ConvKernelsTest, OddKernelsAreCentred) {
  EXPECT_THAT(Impulse(3), ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1));
}

// TensorFlow's SAME pads a 2x2 kernel at the bottom and right only: output (y, x) sees (y..y+1,
// x..x+1).
TEST(ConvKernelsTest, EvenKernelsReachDownAndRight) {
  EXPECT_THAT(Impulse(2), ElementsAre(4, 3, 0, 2, 1, 0, 0, 0, 0));
}

ConvShape SameShape(int64_t inputs, int64_t outputs, int64_t side) {
  ConvShape shape;
  shape.input = {inputs, side, side};
  shape.output = {outputs, side, side};
  shape.kernel = 3;
  shape.pad_before = shape.pad_after = 1;
  return shape;
}

// A row's field does not depend on its place among the rows: 64 equal rows give equal bits. 20
// filters are the library's, 16 are Winograd's.
TEST(ConvKernelsTest, EqualRowsGiveEqualBits) {
  constexpr int64_t kRows = 64;
  for (const int64_t filters : {20, 16}) {
    const ConvShape shape = SameShape(16, filters, 11);
    device::ComputePool pool(1);
    pool.ParallelFor(1, [&](int, int) {
      ConvScratch scratch;
      auto kernels = ConvKernels::Create(shape, /*bf16=*/false, &scratch);
      ASSERT_TRUE(kernels.ok()) << kernels.status();
      const int64_t in = shape.input.size(), out = shape.output.size();
      std::vector<float> weights(shape.weights());
      for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i));
      device::FloatBuffer packed((*kernels)->packed_forward_size()), x(kRows * in), h(kRows * out);
      for (int64_t i = 0; i < kRows * in; ++i) x.data()[i] = std::cos(static_cast<float>(i % in));
      ASSERT_TRUE((*kernels)->PackForward(weights.data(), packed.data()).ok());
      ASSERT_TRUE((*kernels)->PrepareRows(kRows).ok());
      ASSERT_TRUE((*kernels)->Forward(kRows, x.data(), packed.data(), h.data()).ok());
      for (int64_t row = 1; row < kRows; ++row) {
        EXPECT_EQ(std::memcmp(h.data(), h.data() + row * out, out * sizeof(float)), 0) << row;
      }
    });
  }
}

}  // namespace
}  // namespace hebb::nn
