// SPDX-License-Identifier: Apache-2.0
// Fewer multiplications must not cost precision: on random numbers, the error to sums in double is
// that of plain sums in float32. (conv_layer_test has every shape, exactly, on whole numbers.)
#include "worker/nn/winograd_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/worker/nn/layer_harness.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/cpu_features.h"
#include "worker/nn/conv_kernels.h"
#include "worker/nn/winograd_tiles.h"

namespace hebb::nn {
namespace {

constexpr int64_t kRows = 3;

ConvShape ShapeOf(int64_t inputs, int64_t outputs, int64_t side, int64_t pad) {
  ConvShape shape;
  shape.input = {inputs, side, side};
  shape.output = {outputs, side + 2 * pad - 2, side + 2 * pad - 2};
  shape.kernel = 3;
  shape.pad_before = shape.pad_after = pad;
  return shape;
}

// The three products of one convolution.
template <typename Number>
struct Products {
  explicit Products(const ConvShape& shape)
      : h(kRows * shape.output.size()), delta(kRows * shape.input.size()), g(shape.weights()) {}
  std::vector<Number> h, delta, g;
};

struct Factors {
  explicit Factors(const ConvShape& shape)
      : w(Uniform(shape.weights(), 1)),
        b(Uniform(shape.weights(), 2)),
        x(Uniform(kRows * shape.input.size(), 3)),
        d(Uniform(kRows * shape.output.size(), 4)) {}
  Values w, b, x, d;
};

// Tap after tap, in sums of type Number.
template <typename Number>
Products<Number> PlainSums(const ConvShape& shape, const Factors& factors) {
  Products<Number> sums(shape);
  const spec::Shape &in = shape.input, &out = shape.output;
  const auto add = [&](int64_t row, int64_t y, int64_t x, int64_t ky, int64_t kx) {
    const int64_t iy = y + ky - shape.pad_before, ix = x + kx - shape.pad_before;
    if (iy < 0 || iy >= in.height || ix < 0 || ix >= in.width) return;
    const int64_t from = ((row * in.height + iy) * in.width + ix) * in.channels;
    const int64_t to = ((row * out.height + y) * out.width + x) * out.channels;
    for (int64_t o = 0; o < out.channels; ++o) {
      for (int64_t i = 0; i < in.channels; ++i) {
        const int64_t weight = (o * in.channels + i) * 9 + ky * 3 + kx;
        sums.h[to + o] += Number{factors.x[from + i]} * Number{factors.w[weight]};
        sums.delta[from + i] += Number{factors.d[to + o]} * Number{factors.b[weight]};
        sums.g[weight] += Number{factors.d[to + o]} * Number{factors.x[from + i]};
      }
    }
  };
  for (int64_t place = 0; place < kRows * out.height * out.width; ++place) {
    for (int64_t tap = 0; tap < 9; ++tap) {
      add(place / (out.height * out.width), place / out.width % out.height, place % out.width,
          tap / 3, tap % 3);
    }
  }
  return sums;
}

Products<float> Winograd(const ConvShape& shape, const Factors& factors,
                         const WinogradTiles* tiles = nullptr) {
  Products<float> products(shape);
  OnComputeThread([&] {
    device::FloatBuffer scratch;
    const auto kernels = tiles == nullptr ? MakeWinogradKernels(shape, &scratch)
                                          : MakeWinogradKernels(shape, &scratch, *tiles);
    device::FloatBuffer w(kernels->packed_forward_size()), b(kernels->packed_feedback_size());
    ASSERT_TRUE(kernels->PackForward(factors.w.data(), w.data()).ok());
    ASSERT_TRUE(kernels->PackFeedback(factors.b.data(), b.data()).ok());
    ASSERT_TRUE(kernels->PrepareRows(kRows).ok());
    std::fill_n(scratch.data(), scratch.size(), std::nanf(""));
    const float *x = factors.x.data(), *d = factors.d.data();
    ASSERT_TRUE(kernels->Forward(kRows, x, w.data(), products.h.data()).ok());
    ASSERT_TRUE(kernels->BackwardData(kRows, d, b.data(), products.delta.data()).ok());
    ASSERT_TRUE(kernels->BackwardWeights(kRows, x, d, products.g.data()).ok());
  });
  return products;
}

// |actual - exact| / |exact|, of the whole tensor.
double Error(const std::vector<float>& actual, const std::vector<double>& exact) {
  double error = 0, size = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    error += (actual[i] - exact[i]) * (actual[i] - exact[i]);
    size += exact[i] * exact[i];
  }
  return std::sqrt(error / size);
}

TEST(WinogradKernelsTest, TheErrorIsThatOfFloat32) {
  if (!HasWinogradKernels(ShapeOf(16, 16, 8, 1))) GTEST_SKIP() << "no AVX2";
  for (const auto& [inputs, outputs] : {std::pair{16, 16}, {16, 64}, {48, 16}, {80, 96}}) {
    for (const int64_t side : {3, 8, 13}) {
      for (const int64_t pad : {0, 1, 2}) {
        SCOPED_TRACE(absl::StrCat(inputs, " to ", outputs, " of ", side, ", pad ", pad));
        const ConvShape shape = ShapeOf(inputs, outputs, side, pad);
        const Factors factors(shape);
        const Products<float> actual = Winograd(shape, factors);
        const Products<float> plain = PlainSums<float>(shape, factors);
        const Products<double> exact = PlainSums<double>(shape, factors);
        // Transforms add a few roundings to a sum of few terms.
        const auto bound = [](double error) { return 2 * error + 2e-7; };
        EXPECT_LT(Error(actual.h, exact.h), bound(Error(plain.h, exact.h)));
        EXPECT_LT(Error(actual.delta, exact.delta), bound(Error(plain.delta, exact.delta)));
        EXPECT_LT(Error(actual.g, exact.g), bound(Error(plain.g, exact.g)));
      }
    }
  }
}

#if defined(__x86_64__)
TEST(WinogradKernelsTest, EveryWidthOfRegistersGivesTheSameBits) {
  if (!device::CpuHasAvx512()) GTEST_SKIP() << "no AVX-512, hence one width";
  for (const auto& [inputs, outputs] : {std::pair{16, 16}, {16, 48}, {64, 32}}) {
    const ConvShape shape = ShapeOf(inputs, outputs, 9, 1);
    const Factors factors(shape);
    const Products<float> narrow = Winograd(shape, factors, &kWinogradTilesAvx2);
    const Products<float> wide = Winograd(shape, factors, &kWinogradTilesAvx512);
    EXPECT_EQ(narrow.h, wide.h);
    EXPECT_EQ(narrow.delta, wide.delta);
    EXPECT_EQ(narrow.g, wide.g);
  }
}
#endif

TEST(WinogradKernelsTest, OtherShapesHaveNone) {
  ConvShape strided = ShapeOf(16, 16, 8, 1), wide = strided;
  strided.stride = 2;
  wide.kernel = 5;
  for (const ConvShape& shape : {strided, wide, ShapeOf(3, 16, 8, 1), ShapeOf(16, 20, 8, 1)}) {
    EXPECT_FALSE(HasWinogradKernels(shape));
  }
  EXPECT_EQ(HasWinogradKernels(ShapeOf(16, 32, 8, 1)), device::CpuHasAvx2());
}

}  // namespace
}  // namespace hebb::nn
