// SPDX-License-Identifier: Apache-2.0
// An untied layer beside the convolution that it came from, its layouts, and paper.md's counts.
#include "worker/nn/untied_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

using testing::Each;
using testing::ElementsAre;

const float kPoison = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kRows = 3;

struct Case {
  const char* name;
  ConvShape shape;
};

const Case kCases[] = {
    {"same", {{3, 8, 8}, {16, 8, 8}, 5, 2, 2, 1}},
    {"even", {{4, 6, 6}, {10, 6, 6}, 2, 0, 1, 1}},
    {"valid", {{2, 7, 7}, {8, 5, 5}, 3, 0, 0, 1}},
    {"stride", {{3, 9, 9}, {6, 5, 5}, 3, 1, 1, 2}},
};

std::vector<float> Numbers(int64_t size, int seed) {
  std::vector<float> numbers(size);
  for (int64_t i = 0; i < size; ++i) {
    numbers[i] = static_cast<float>(std::sin(2.3 * static_cast<double>(i) + seed));
  }
  return numbers;
}

// Calls visit(output index in a row, input index in a row, canonical index of the filter bank,
// output's filter) for every product of a convolution.
template <typename Visit>
void ForEachProduct(const ConvShape& s, const Visit& visit) {
  for (int64_t y = 0; y < s.output.height; ++y) {
    for (int64_t x = 0; x < s.output.width; ++x) {
      for (int64_t o = 0; o < s.output.channels; ++o) {
        for (int64_t c = 0; c < s.input.channels; ++c) {
          for (int64_t i = 0; i < s.kernel; ++i) {
            for (int64_t j = 0; j < s.kernel; ++j) {
              const int64_t v = y * s.stride + i - s.pad_before,
                            w = x * s.stride + j - s.pad_before;
              if (v < 0 || v >= s.input.height || w < 0 || w >= s.input.width) continue;
              visit((y * s.output.width + x) * s.output.channels + o,
                    (v * s.input.width + w) * s.input.channels + c,
                    ((o * s.input.channels + c) * s.kernel + i) * s.kernel + j, o);
            }
          }
        }
      }
    }
  }
}

// A layer with the filters, and biases, of one convolution at every place.
struct Fixture {
  Fixture(const ConvShape& s, spec::Activation activation)
      : shape(s),
        filters(Numbers(s.weights(), 1)),
        filter_bias(Numbers(s.output.channels, 2)),
        w(UntiedSize(s)),
        bias(UntiedBiasSize(s)),
        x(Numbers(kRows * s.input.size(), 3)),
        output(kRows * s.output.size(), kPoison) {
    UntiedFromConv(s, filters.data(), w.data());
    for (size_t i = 0; i < bias.size(); ++i) bias[i] = filter_bias[i % filter_bias.size()];
    matrices.forward = matrices.feedback = w.data();
    matrices.bias = bias.data();
    layer = MakeUntiedLayer(s, Joint(activation, /*asymmetric=*/true), matrices);
    EXPECT_TRUE(layer->Prepare(kRows).ok());
    inputs = {x.data()};
    Batch batch;
    batch.rows = kRows;
    EXPECT_TRUE(layer->Forward(batch, inputs, output.data()).ok());
  }

  Layer::Trace trace() const { return {kRows, inputs, output.data(), offsets}; }

  const std::vector<int64_t> offsets = {0, kRows};

  ConvShape shape;
  std::vector<float> filters, filter_bias, w, bias, x, output;
  LayerMatrices matrices;
  std::unique_ptr<Layer> layer;
  std::vector<const float*> inputs;
};

class UntiedLayerTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Shapes, UntiedLayerTest, testing::ValuesIn(kCases),
                         [](const auto& c) { return std::string(c.param.name); });

TEST_P(UntiedLayerTest, EqualFiltersEverywhereAreAConvolution) {
  const ConvShape& s = GetParam().shape;
  const Fixture untied(s, spec::Activation::kNone);
  std::vector<double> expected(kRows * s.output.size());
  for (int64_t r = 0; r < kRows; ++r) {
    for (int64_t h = 0; h < s.output.size(); ++h) {
      expected[r * s.output.size() + h] = untied.filter_bias[h % s.output.channels];
    }
    ForEachProduct(s, [&](int64_t h, int64_t x, int64_t w, int64_t) {
      expected[r * s.output.size() + h] +=
          double{untied.filters[w]} * untied.x[r * s.input.size() + x];
    });
  }
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(untied.output[i], expected[i], 1e-5) << i;
}

// Summed over the places, G and the bias's update are the convolution's.
TEST_P(UntiedLayerTest, UpdatesSumToTheConvolutions) {
  const ConvShape& s = GetParam().shape;
  const Fixture untied(s, spec::Activation::kNone);
  const std::vector<float> d = Numbers(kRows * s.output.size(), 4);
  std::vector<double> expected(s.weights()), expected_relu(s.weights());
  for (int64_t r = 0; r < kRows; ++r) {
    ForEachProduct(s, [&](int64_t h, int64_t x, int64_t w, int64_t) {
      const double value = untied.x[r * s.input.size() + x], signal = d[r * s.output.size() + h];
      expected[w] += signal * value;
      expected_relu[w] += signal * std::max(value, 0.0);
    });
  }
  std::vector<float> g(UntiedSize(s), kPoison), g_relu(g), g_bias(UntiedBiasSize(s), kPoison);
  const UpdateParts parts = {g.data(), g_relu.data(), g_bias.data()};
  ASSERT_TRUE(untied.layer->JointUpdate(untied.trace(), d.data(), {&parts, 1}).ok());
  std::vector<float> canonical(UntiedCanonicalSize(s));
  const auto expect_sum = [&](const std::vector<float>& update, const std::vector<double>& sum) {
    UntiedToCanonical(s, update.data(), canonical.data());
    for (int64_t i = 0; i < s.weights(); ++i) {
      double over_places = 0;
      for (int64_t at = i; at < UntiedCanonicalSize(s); at += s.weights()) {
        over_places += canonical[at];
      }
      ASSERT_NEAR(over_places, sum[i], 1e-4) << i;
    }
  };
  expect_sum(g, expected);
  expect_sum(g_relu, expected_relu);
  for (int64_t i = 0; i < s.output.size(); ++i) {
    double sum = 0;
    for (int64_t r = 0; r < kRows; ++r) sum += d[r * s.output.size() + i];
    ASSERT_NEAR(g_bias[i], sum, 1e-6);
  }
}

TEST_P(UntiedLayerTest, BackwardIsTheTransposedConvolution) {
  const ConvShape& s = GetParam().shape;
  const Fixture untied(s, spec::Activation::kNone);
  const std::vector<float> d = Numbers(kRows * s.output.size(), 4);
  std::vector<double> expected(kRows * s.input.size());
  for (int64_t r = 0; r < kRows; ++r) {
    ForEachProduct(s, [&](int64_t h, int64_t x, int64_t w, int64_t) {
      expected[r * s.input.size() + x] += double{untied.filters[w]} * d[r * s.output.size() + h];
    });
  }
  std::vector<float> delta(kRows * s.input.size(), kPoison);
  ASSERT_TRUE(untied.layer->Backward(untied.trace(), d.data(), 0, delta.data()).ok());
  for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(delta[i], expected[i], 1e-5) << i;
}

TEST_P(UntiedLayerTest, LayoutsAreEachOthersInverse) {
  const ConvShape& s = GetParam().shape;
  std::vector<float> internal(UntiedSize(s)), back(UntiedSize(s), kPoison),
      canonical(UntiedCanonicalSize(s), kPoison);
  std::iota(internal.begin(), internal.end(), 1.0f);
  UntiedToCanonical(s, internal.data(), canonical.data());
  UntiedFromCanonical(s, canonical.data(), back.data());
  EXPECT_EQ(back, internal);
  const int64_t outside = std::count(canonical.begin(), canonical.end(), 0.0f);
  EXPECT_EQ(outside, UntiedCanonicalSize(s) - UntiedSize(s));
}

// Whatever a file says about taps outside the image: they do not exist.
TEST_P(UntiedLayerTest, TapsOutsideTheImageStayZero) {
  const ConvShape& s = GetParam().shape;
  std::vector<float> full(UntiedCanonicalSize(s), 1.0f), canonical(full.size(), kPoison),
      internal(UntiedSize(s));
  UntiedFromCanonical(s, full.data(), internal.data());
  UntiedToCanonical(s, internal.data(), canonical.data());
  std::vector<float> inside(full.size());
  ForEachProduct(s, [&](int64_t h, int64_t, int64_t w, int64_t o) {
    const int64_t place = (h - o) / s.output.channels;
    inside[place * s.weights() + w] = 1.0f;
  });
  EXPECT_EQ(canonical, inside);
}

TEST(UntiedLayerTest, CanonicalOrderIsPlaceFilterChannelTap) {
  // One row of two places, two filters, a kernel of two on two pixels: the second place's second
  // tap is outside.
  const ConvShape shape = {{1, 1, 2}, {2, 1, 2}, 2, 0, 1, 1};
  EXPECT_EQ(UntiedSize(shape), 6);
  const std::vector<float> internal = {1, 2, 3, 4, 5, 6};  // [place][tap][filter]
  std::vector<float> canonical(16, kPoison);
  UntiedToCanonical(shape, internal.data(), canonical.data());
  EXPECT_THAT(canonical, ElementsAre(1, 3, 0, 0, 2, 4, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0));
}

// The ramp lets nothing through where it is saturated, half of it elsewhere.
TEST(UntiedLayerTest, GateIsTheActivations) {
  const ConvShape shape = {{1, 1, 1}, {3, 1, 1}, 1, 0, 0, 1};
  Fixture untied(shape, spec::Activation::kRamp);
  untied.w = {1, 4, -9};
  untied.bias = {0, 0, 0};
  const std::vector<float> x(kRows, 1.0f);
  untied.inputs = {x.data()};
  Batch batch;
  batch.rows = kRows;
  ASSERT_TRUE(untied.layer->Forward(batch, untied.inputs, untied.output.data()).ok());
  EXPECT_THAT(std::vector<float>(untied.output.begin(), untied.output.begin() + 3),
              ElementsAre(0.5f, 1, -1));
  std::vector<float> delta(kRows * 3, 8.0f);
  untied.layer->Gate(untied.trace(), delta.data());
  EXPECT_THAT(std::vector<float>(delta.begin(), delta.begin() + 3), ElementsAre(4, 0, 0));
}

TEST(UntiedLayerTest, WithoutABiasNoneIsAdded) {
  const ConvShape shape = {{1, 2, 2}, {4, 2, 2}, 1, 0, 0, 1};
  Fixture untied(shape, spec::Activation::kNone);
  untied.matrices.bias = nullptr;
  std::fill(untied.x.begin(), untied.x.end(), 0.0f);
  Batch batch;
  batch.rows = kRows;
  ASSERT_TRUE(untied.layer->Forward(batch, untied.inputs, untied.output.data()).ok());
  EXPECT_THAT(untied.output, Each(0.0f));
}

TEST(UntiedLayerTest, PartsThatAreNullAreNotWritten) {
  const ConvShape shape = {{1, 2, 2}, {4, 2, 2}, 1, 0, 0, 1};
  const Fixture untied(shape, spec::Activation::kNone);
  const std::vector<float> d = Numbers(kRows * shape.output.size(), 4);
  std::vector<float> g(UntiedSize(shape), kPoison);
  const UpdateParts parts = {g.data(), nullptr, nullptr};
  ASSERT_TRUE(untied.layer->JointUpdate(untied.trace(), d.data(), {&parts, 1}).ok());
  EXPECT_FALSE(std::isnan(g[0]));
}

// paper.md 4.6, computed there with TensorFlow's SAME borders.
TEST(UntiedLayerTest, ConnectionsAreThePapers) {
  const auto same = [](int64_t in, int64_t out, int64_t kernel, int64_t n) {
    return UntiedSize({{in, n, n}, {out, n, n}, kernel, (kernel - 1) / 2, kernel / 2, 1});
  };
  EXPECT_EQ(same(3, 32, 5, 32), 2276736);  // simpnet conv1R
  EXPECT_EQ(same(3, 16, 3, 32), 424128);   // B conv0R
  EXPECT_EQ(same(16, 16, 3, 32), 2262016);
  EXPECT_EQ(same(16, 64, 3, 11), 984064);
  EXPECT_EQ(same(64, 64, 3, 11), 3936256);
  EXPECT_EQ(same(64, 64, 2, 6), 495616);
  EXPECT_EQ(same(3, 16, 5, 32), 1138368);  // C conv0R
}

}  // namespace
}  // namespace hebb::nn
