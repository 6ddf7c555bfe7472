// SPDX-License-Identifier: Apache-2.0
// The three products against plain float64 loops over the canonical layout, for strides, paddings
// and odd sizes; and the promise that bits depend neither on the rows beside nor on the registers.
#include "worker/nn/untied_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "worker/nn/untied_layer.h"
#include "worker/nn/untied_tiles.h"

namespace hebb::nn {
namespace {

const float kPoison = std::numeric_limits<float>::quiet_NaN();

struct Case {
  const char* name;
  ConvShape shape;  // input channels, height, width; output likewise; kernel, pads, stride
  int64_t rows;
};

const Case kCases[] = {
    {"same5x5", {{3, 9, 9}, {32, 9, 9}, 5, 2, 2, 1}, 6},
    {"same3x3", {{16, 7, 7}, {64, 7, 7}, 3, 1, 1, 1}, 7},
    {"evenKernel", {{8, 6, 6}, {16, 6, 6}, 2, 0, 1, 1}, 6},
    {"valid", {{5, 8, 8}, {24, 6, 6}, 3, 0, 0, 1}, 9},
    {"strideTwo", {{4, 9, 9}, {12, 5, 5}, 3, 1, 1, 2}, 5},
    {"symmetricEven", {{2, 6, 6}, {20, 4, 4}, 4, 2, 1, 2}, 4},
    {"strideBeyondKernel", {{3, 10, 10}, {7, 4, 4}, 1, 0, 0, 3}, 3},
    {"onePixel", {{1, 1, 1}, {1, 1, 1}, 1, 0, 0, 1}, 1},
    {"oddRectangle", {{17, 5, 7}, {93, 5, 7}, 3, 1, 1, 1}, 2},
    {"manyRows", {{6, 5, 5}, {80, 5, 5}, 3, 1, 1, 1}, 37},
    {"kernelOverImage", {{2, 3, 3}, {5, 3, 3}, 5, 2, 2, 1}, 12},
};

std::vector<float> Numbers(int64_t size, int seed) {
  std::vector<float> numbers(size);
  for (int64_t i = 0; i < size; ++i) {
    numbers[i] = static_cast<float>(std::sin(1.7 * static_cast<double>(i) + seed));
  }
  return numbers;
}

// One layer's numbers in both layouts.
struct Problem {
  explicit Problem(const Case& c)
      : shape(c.shape),
        rows(c.rows),
        x(Numbers(rows * shape.input.size(), 1)),
        d(Numbers(rows * shape.output.size(), 2)),
        bias(Numbers(UntiedBiasSize(shape), 3)),
        canonical(Numbers(UntiedCanonicalSize(shape), 4)),
        internal(UntiedSize(shape)) {
    UntiedFromCanonical(shape, canonical.data(), internal.data());
  }

  // Calls visit(index into a row of h, into a row of x, into the canonical matrix).
  template <typename Visit>
  void ForEachConnection(const Visit& visit) const {
    const spec::Shape &in = shape.input, &out = shape.output;
    for (int64_t y = 0; y < out.height; ++y) {
      for (int64_t z = 0; z < out.width; ++z) {
        for (int64_t i = 0; i < shape.kernel; ++i) {
          for (int64_t j = 0; j < shape.kernel; ++j) {
            const int64_t v = y * shape.stride + i - shape.pad_before;
            const int64_t w = z * shape.stride + j - shape.pad_before;
            if (v < 0 || v >= in.height || w < 0 || w >= in.width) continue;
            for (int64_t c = 0; c < in.channels; ++c) {
              for (int64_t o = 0; o < out.channels; ++o) {
                const int64_t place = y * out.width + z;
                visit(place * out.channels + o, (v * in.width + w) * in.channels + c,
                      (((place * out.channels + o) * in.channels + c) * shape.kernel + i) *
                              shape.kernel +
                          j);
              }
            }
          }
        }
      }
    }
  }

  ConvShape shape;
  int64_t rows;
  std::vector<float> x, d, bias, canonical, internal;
};

// Within float32's rounding of chains as long as these.
void ExpectNear(const std::vector<float>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  double scale = 0;
  for (double value : expected) scale = std::max(scale, std::fabs(value));
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 2e-6 * scale + 1e-12) << i;
  }
}

class UntiedKernelsTest : public testing::TestWithParam<Case> {
 protected:
  Problem problem_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Shapes, UntiedKernelsTest, testing::ValuesIn(kCases),
                         [](const auto& c) { return std::string(c.param.name); });

std::vector<float> Forward(const Problem& p, const UntiedTiles* tiles, bool biased = true) {
  const auto kernels =
      tiles == nullptr ? UntiedKernels::Create(p.shape) : UntiedKernels::Create(p.shape, *tiles);
  kernels->PrepareRows(p.rows);
  std::vector<float> h(p.rows * p.shape.output.size(), kPoison);
  kernels->Forward(p.rows, p.x.data(), p.internal.data(), biased ? p.bias.data() : nullptr,
                   h.data());
  return h;
}

std::vector<float> BackwardData(const Problem& p, const UntiedTiles* tiles) {
  const auto kernels =
      tiles == nullptr ? UntiedKernels::Create(p.shape) : UntiedKernels::Create(p.shape, *tiles);
  kernels->PrepareRows(p.rows);
  std::vector<float> delta(p.rows * p.shape.input.size(), kPoison);
  kernels->BackwardData(p.rows, p.d.data(), p.internal.data(), delta.data());
  return delta;
}

std::vector<float> BackwardWeights(const Problem& p, const UntiedTiles* tiles, bool relu = false) {
  const auto kernels =
      tiles == nullptr ? UntiedKernels::Create(p.shape) : UntiedKernels::Create(p.shape, *tiles);
  kernels->PrepareRows(p.rows);
  std::vector<float> g(UntiedSize(p.shape), kPoison);
  if (relu) {
    kernels->BackwardWeightsRelu(p.rows, p.x.data(), p.d.data(), g.data());
  } else {
    kernels->BackwardWeights(p.rows, p.x.data(), p.d.data(), g.data());
  }
  return g;
}

TEST_P(UntiedKernelsTest, ForwardIsEachPlacesOwnProduct) {
  const Problem& p = problem_;
  const int64_t in = p.shape.input.size(), out = p.shape.output.size();
  std::vector<double> with_bias(p.rows * out), without(p.rows * out);
  for (int64_t r = 0; r < p.rows; ++r) {
    std::copy(p.bias.begin(), p.bias.end(), with_bias.begin() + r * out);
    p.ForEachConnection([&](int64_t h, int64_t x, int64_t w) {
      const double product = double{p.canonical[w]} * p.x[r * in + x];
      with_bias[r * out + h] += product;
      without[r * out + h] += product;
    });
  }
  ExpectNear(Forward(p, nullptr), with_bias);
  ExpectNear(Forward(p, nullptr, /*biased=*/false), without);
}

TEST_P(UntiedKernelsTest, BackwardDataIsTheTransposedProduct) {
  const Problem& p = problem_;
  const int64_t in = p.shape.input.size(), out = p.shape.output.size();
  std::vector<double> expected(p.rows * in);
  for (int64_t r = 0; r < p.rows; ++r) {
    p.ForEachConnection([&](int64_t h, int64_t x, int64_t w) {
      expected[r * in + x] += double{p.canonical[w]} * p.d[r * out + h];
    });
  }
  ExpectNear(BackwardData(p, nullptr), expected);
}

TEST_P(UntiedKernelsTest, BackwardWeightsIsEachPlacesProductSummedOverRows) {
  const Problem& p = problem_;
  const int64_t in = p.shape.input.size(), out = p.shape.output.size();
  std::vector<float> canonical(UntiedCanonicalSize(p.shape));
  for (bool relu : {false, true}) {
    std::vector<double> expected(UntiedCanonicalSize(p.shape));
    for (int64_t r = 0; r < p.rows; ++r) {
      p.ForEachConnection([&](int64_t h, int64_t x, int64_t w) {
        const double value = p.x[r * in + x];
        expected[w] += (relu ? std::max(value, 0.0) : value) * p.d[r * out + h];
      });
    }
    UntiedToCanonical(p.shape, BackwardWeights(p, nullptr, relu).data(), canonical.data());
    ExpectNear(canonical, expected);
  }
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// All tiles that this machine can run.
std::vector<const UntiedTiles*> Tiles() {
  std::vector<const UntiedTiles*> tiles = {&kUntiedTilesBase};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tiles.push_back(&kUntiedTilesAvx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
    tiles.push_back(&kUntiedTilesAvx512);
  }
#endif
  return tiles;
}

TEST_P(UntiedKernelsTest, EveryWidthOfRegistersGivesTheSameBits) {
  for (const UntiedTiles* tiles : Tiles()) {
    SCOPED_TRACE(tiles->name);
    EXPECT_TRUE(SameBits(Forward(problem_, tiles), Forward(problem_, nullptr)));
    EXPECT_TRUE(SameBits(BackwardData(problem_, tiles), BackwardData(problem_, nullptr)));
    EXPECT_TRUE(SameBits(BackwardWeights(problem_, tiles), BackwardWeights(problem_, nullptr)));
  }
}

// A row's field and delta are the same bits alone as among others.
TEST_P(UntiedKernelsTest, ARowDoesNotDependOnTheOthers) {
  const Problem& p = problem_;
  const int64_t in = p.shape.input.size(), out = p.shape.output.size();
  const std::vector<float> h = Forward(p, nullptr), delta = BackwardData(p, nullptr);
  for (int64_t r = 0; r < p.rows; ++r) {
    Problem alone = p;
    alone.rows = 1;
    alone.x.assign(p.x.begin() + r * in, p.x.begin() + (r + 1) * in);
    alone.d.assign(p.d.begin() + r * out, p.d.begin() + (r + 1) * out);
    const std::vector<float> one_h = Forward(alone, nullptr), one = BackwardData(alone, nullptr);
    ASSERT_EQ(std::memcmp(one_h.data(), h.data() + r * out, out * sizeof(float)), 0) << r;
    ASSERT_EQ(std::memcmp(one.data(), delta.data() + r * in, in * sizeof(float)), 0) << r;
  }
}

// Memory prepared for many rows gives what memory for few gives.
TEST(UntiedKernelsTest, RoomForMoreRowsChangesNothing) {
  const Problem p(kCases[1]);
  const auto kernels = UntiedKernels::Create(p.shape);
  kernels->PrepareRows(3 * p.rows);
  kernels->PrepareRows(p.rows);
  std::vector<float> delta(p.rows * p.shape.input.size(), kPoison);
  kernels->BackwardData(p.rows, p.d.data(), p.internal.data(), delta.data());
  EXPECT_TRUE(SameBits(delta, BackwardData(p, nullptr)));
}

}  // namespace
}  // namespace hebb::nn
