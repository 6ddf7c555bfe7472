// SPDX-License-Identifier: Apache-2.0
// Convolutions of every kernel, stride and padding against plain loops, on whole numbers, for which
// every order of summation gives the same exact result, in bfloat16 as well.
#include "worker/nn/conv_layer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/worker/nn/layer_harness.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/bf16.h"

namespace hebb::nn {
namespace {

using spec::Activation;
using spec::Padding;

struct Case {
  ConvShape shape;
  ConvOptions options = {Activation::kNone, false};
  bool bias = false;
  int64_t rows = 3;
};

struct Data {
  explicit Data(const Case& test)
      : weights(WholeNumbers(test.shape.weights(), 3, 1)),
        feedback(WholeNumbers(test.shape.weights(), 3, 2)),
        bias(WholeNumbers(test.shape.output.channels, 9, 3)),
        input(WholeNumbers(test.rows * test.shape.input.size(), 3, 4)),
        delta(WholeNumbers(test.rows * test.shape.output.size(), 3, 5)) {}
  Values weights, feedback, bias, input, delta;
};

RunOutput RunCase(const Case& test, const Data& data) {
  RunOutput result;
  OnComputeThread([&] {
    ConvScratch scratch;
    const auto packer = ConvKernels::Create(test.shape, test.options.bf16, &scratch);
    ASSERT_TRUE(packer.ok()) << packer.status();
    device::FloatBuffer forward((*packer)->packed_forward_size());
    device::FloatBuffer feedback((*packer)->packed_feedback_size());
    ASSERT_TRUE((*packer)->PackForward(data.weights.data(), forward.data()).ok());
    ASSERT_TRUE((*packer)->PackFeedback(data.feedback.data(), feedback.data()).ok());
    LayerMatrices matrices;
    matrices.forward = forward.data();
    matrices.feedback = feedback.data();
    if (test.bias) matrices.bias = data.bias.data();
    auto layer = MakeConvLayer(test.shape, test.options, matrices, &scratch);
    ASSERT_TRUE(layer.ok()) << layer.status();
    const int64_t size = test.shape.weights();
    result = RunLayer(**layer,
                      {test.rows, data.input, data.delta, size, test.options.asymmetric ? size : 0,
                       test.bias ? test.shape.output.channels : 0});
  });
  return result;
}

// Calls visit(input index, output index, weight index) for every product of the convolution.
template <typename Visit>
void ForEachTap(const Case& test, Visit visit) {
  const ConvShape& s = test.shape;
  const auto each = [&](int64_t row, int64_t o, int64_t y, int64_t x) {
    const int64_t to = ((row * s.output.height + y) * s.output.width + x) * s.output.channels + o;
    for (int64_t ky = 0; ky < s.kernel; ++ky) {
      for (int64_t kx = 0; kx < s.kernel; ++kx) {
        const int64_t iy = y * s.stride + ky - s.pad_before;
        const int64_t ix = x * s.stride + kx - s.pad_before;
        if (iy < 0 || iy >= s.input.height || ix < 0 || ix >= s.input.width) continue;
        for (int64_t i = 0; i < s.input.channels; ++i) {
          visit(((row * s.input.height + iy) * s.input.width + ix) * s.input.channels + i, to,
                ((o * s.input.channels + i) * s.kernel + ky) * s.kernel + kx);
        }
      }
    }
  };
  for (int64_t row = 0; row < test.rows; ++row) {
    for (int64_t y = 0; y < s.output.height; ++y) {
      for (int64_t x = 0; x < s.output.width; ++x) {
        for (int64_t o = 0; o < s.output.channels; ++o) each(row, o, y, x);
      }
    }
  }
}

// The same layer in double; whole numbers throughout, but for halves that the ramp makes.
RunOutput Oracle(const Case& test, const Data& data) {
  RunOutput result;
  const size_t channels = data.bias.size();
  std::vector<double> field(data.delta.size()), g(data.weights.size()), g_positive(g.size()),
      below(data.input.size()), bias(channels);
  for (size_t i = 0; i < field.size(); ++i) field[i] = test.bias ? data.bias[i % channels] : 0;
  ForEachTap(test, [&](int64_t in, int64_t out, int64_t w) {
    field[out] += double{data.input[in]} * data.weights[w];
  });
  for (size_t i = 0; i < field.size(); ++i) {
    double x = field[i], slope = 1;
    if (test.options.activation == Activation::kRelu) {
      x = std::max(x, 0.0);
      slope = x > 0 ? 1 : 0;
    } else if (test.options.activation == Activation::kRamp) {
      x = std::clamp(x / 2, -1.0, 1.0);
      slope = std::abs(field[i]) <= 2 ? 0.5 : 0;
    }
    result.output.push_back(static_cast<float>(x));
    result.d.push_back(static_cast<float>(slope * data.delta[i]));
    bias[i % channels] += result.d[i];
  }
  ForEachTap(test, [&](int64_t in, int64_t out, int64_t w) {
    g[w] += double{result.d[out]} * data.input[in];
    g_positive[w] += double{result.d[out]} * std::max(data.input[in], 0.0f);
    below[in] += double{result.d[out]} * data.feedback[w];
  });
  result.forward.assign(g.begin(), g.end());
  if (test.options.asymmetric) result.feedback.assign(g_positive.begin(), g_positive.end());
  if (test.bias) result.bias.assign(bias.begin(), bias.end());
  result.input_delta.assign(below.begin(), below.end());
  return result;
}

// The case in float32, and in bfloat16 where the machine has it.
std::vector<Case> Precisions(const Case& test) {
  std::vector<Case> cases = {test};
  if (!HasBf16Products()) return cases;
  cases.push_back(test);
  cases.back().options.bf16 = true;
  return cases;
}

void CheckOne(const Case& test) {
  SCOPED_TRACE(test.options.bf16 ? "bf16" : "float32");
  const Data data(test);
  const RunOutput actual = RunCase(test, data), expected = Oracle(test, data);
  ExpectEqual(actual.output, expected.output, "output");
  ExpectEqual(actual.d, expected.d, "d");
  ExpectEqual(actual.forward, expected.forward, "update");
  ExpectEqual(actual.feedback, expected.feedback, "update of R");
  ExpectEqual(actual.bias, expected.bias, "update of the bias");
  ExpectEqual(actual.input_delta, expected.input_delta, "delta below");
}

void Check(const Case& test) {
  for (const Case& each : Precisions(test)) CheckOne(each);
}

// False where the job file's rules refuse it.
bool MakeShape(const spec::Shape& input, const spec::Conv& conv, ConvShape& shape) {
  std::string refusal;
  const spec::ResolvedLayer r = Resolve(conv, input, &refusal);
  shape = {input, r.output, conv.kernel, r.pad_before, r.pad_after, conv.stride};
  return refusal.empty();
}

spec::Conv Conv(int64_t filters, int64_t kernel, int64_t stride, Padding padding) {
  spec::Conv conv;
  conv.filters = filters;
  conv.kernel = kernel;
  conv.stride = stride;
  conv.padding = padding;
  return conv;
}

class ConvLayerTest : public testing::TestWithParam<Padding> {};

TEST_P(ConvLayerTest, EveryKernelAndStrideGivesThePlainSums) {
  int cases = 0;
  for (const auto& [inputs, filters] : {std::pair{3, 5}, {16, 32}}) {
    for (int64_t n : {4, 7, 8, 9}) {
      for (int64_t kernel : {1, 2, 3, 4, 5}) {
        for (int64_t stride : {1, 2, 3}) {
          Case test;
          const spec::Conv conv = Conv(filters, kernel, stride, GetParam());
          if (!MakeShape({inputs, n, n}, conv, test.shape)) continue;
          SCOPED_TRACE(absl::StrCat(inputs, " to ", filters, " channels, image ", n, ", kernel ",
                                    kernel, ", stride ", stride));
          Check(test);
          if (testing::Test::HasFatalFailure()) return;
          ++cases;
        }
      }
    }
  }
  EXPECT_GT(cases, 100);
}

INSTANTIATE_TEST_SUITE_P(Paddings, ConvLayerTest,
                         testing::Values(Padding::kSame, Padding::kValid, Padding::kSymmetric),
                         [](const auto& test) {
                           return test.param == Padding::kSame    ? "Same"
                                  : test.param == Padding::kValid ? "Valid"
                                                                  : "Symmetric";
                         });

// Where a kernel of the library is not to be used: it writes past its memory (conv_kernels_cpu.cc).
TEST(ConvLayerTest, StridedKernelsOfOnePlaceHoldForFewChannels) {
  for (const int64_t inputs : {3, 4, 7, 12, 20}) {
    Case test;
    ASSERT_TRUE(MakeShape({inputs, 40, 40}, Conv(8, 1, 2, Padding::kSymmetric), test.shape));
    test.rows = 8;
    SCOPED_TRACE(absl::StrCat(inputs, " channels"));
    Check(test);
  }
}

// Enough rows for several tiles and a rest: 32x32x16 twice is 3 rows a tile.
TEST(ConvLayerTest, BiasActivationAndAsymmetricUpdateHoldOverTiles) {
  for (const auto activation : {Activation::kNone, Activation::kRelu, Activation::kRamp}) {
    for (const bool bias : {false, true}) {
      for (const bool asymmetric : {false, true}) {
        Case test;
        ASSERT_TRUE(MakeShape({16, 32, 32}, Conv(16, 3, 1, Padding::kSame), test.shape));
        test.options = {activation, asymmetric};
        test.bias = bias;
        test.rows = 8;
        SCOPED_TRACE(absl::StrCat("activation ", static_cast<int>(activation), ", bias ", bias,
                                  ", asymmetric ", asymmetric));
        Check(test);
      }
    }
  }
}

// A row's output does not depend on its place among the rows, with a stride either.
TEST(ConvLayerTest, EqualRowsGiveEqualBits) {
  Case test;
  ASSERT_TRUE(MakeShape({16, 16, 16}, Conv(20, 3, 2, Padding::kSymmetric), test.shape));
  test.options.activation = Activation::kTanh;
  test.bias = true;
  test.rows = 21;
  const int64_t in = test.shape.input.size(), out = test.shape.output.size();
  Data data(test);
  data.weights = Uniform(test.shape.weights(), 7);
  data.input = Uniform(test.rows * in, 8);
  data.delta = Uniform(test.rows * out, 9);
  for (int64_t row = 1; row < test.rows; ++row) {
    std::copy_n(data.input.data(), in, data.input.data() + row * in);
    std::copy_n(data.delta.data(), out, data.delta.data() + row * out);
  }
  for (const Case& each : Precisions(test)) {
    const RunOutput result = RunCase(each, data);
    for (int64_t row = 1; row < test.rows; ++row) {
      EXPECT_EQ(std::memcmp(&result.output[0], &result.output[row * out], out * sizeof(float)), 0);
      EXPECT_EQ(
          std::memcmp(&result.input_delta[0], &result.input_delta[row * in], in * sizeof(float)),
          0);
    }
  }
}

// The factors are rounded and nothing else is: a hundredth of what bfloat16 may be off.
TEST(ConvLayerTest, Bf16IsFloat32OnRoundedFactors) {
  if (!HasBf16Products()) GTEST_SKIP() << "no avx512_bf16";
  Case test;
  ASSERT_TRUE(MakeShape({19, 11, 11}, Conv(21, 3, 1, Padding::kSame), test.shape));
  test = Precisions(test).back();
  Data data(test);
  for (Values* values : {&data.weights, &data.feedback, &data.input, &data.delta}) {
    *values = Uniform(static_cast<int64_t>(values->size()), 10);
  }
  const RunOutput actual = RunCase(test, data);
  for (Values* values : {&data.weights, &data.feedback, &data.input, &data.delta}) {
    *values = AsBf16(*values);
  }
  const RunOutput expected = Oracle(test, data);
  ExpectNear(actual.output, expected.output, 1e-4, "output");
  ExpectNear(actual.forward, expected.forward, 1e-4, "update");
  ExpectNear(actual.input_delta, expected.input_delta, 1e-4, "delta below");
}

}  // namespace
}  // namespace hebb::nn
