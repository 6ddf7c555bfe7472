// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dense_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

using testing::ElementsAre;

TEST(DenseLayoutTest, InternalOrderIsThatOfActivations) {
  // 2 channels, 1 x 3 places: canonical c0p0 c0p1 c0p2 c1p0 ...
  const std::vector<float> canonical = {0, 1, 2, 10, 11, 12};
  std::vector<float> internal(6);
  DenseFromCanonical({2, 1, 3}, 1, canonical.data(), internal.data());
  EXPECT_THAT(internal, ElementsAre(0, 10, 1, 11, 2, 12));
}

TEST(DenseLayoutTest, LayoutsAreEachOthersInverse) {
  const spec::Shape shape = {5, 4, 3};
  std::vector<float> canonical(7 * shape.size()), internal(canonical.size()),
      back(canonical.size());
  std::iota(canonical.begin(), canonical.end(), 0.0f);
  DenseFromCanonical(shape, 7, canonical.data(), internal.data());
  DenseToCanonical(shape, 7, internal.data(), back.data());
  EXPECT_EQ(back, canonical);
  EXPECT_NE(internal, canonical);
}

// Whole numbers: every order of summation gives the same exact result.
TEST(DenseLayerTest, BiasActivationAndAsymmetricUpdateGiveThePlainSums) {
  constexpr int64_t kInputs = 70, kUnits = 33, kRows = 19;
  const Values w = WholeNumbers(kInputs * kUnits, 2, 1), r = WholeNumbers(kInputs * kUnits, 2, 2),
               b = WholeNumbers(kUnits, 9, 3);
  RunInput run;
  run.rows = kRows;
  run.input = WholeNumbers(kRows * kInputs, 3, 4);
  run.delta = WholeNumbers(kRows * kUnits, 3, 5);
  run.forward = kInputs * kUnits;
  for (const bool bias : {false, true}) {
    for (const bool asymmetric : {false, true}) {
      LayerMatrices matrices;
      matrices.forward = w.data();
      matrices.feedback = r.data();
      matrices.bias = bias ? b.data() : nullptr;
      run.bias = bias ? kUnits : 0;
      run.feedback = asymmetric ? kInputs * kUnits : 0;
      Values output, d, g(kInputs * kUnits), g_positive(run.feedback), g_bias(run.bias),
          below(kRows * kInputs);
      for (int64_t i = 0; i < kRows * kUnits; ++i) {
        const int64_t row = i / kUnits, u = i % kUnits;
        float h = bias ? b[u] : 0;
        for (int64_t j = 0; j < kInputs; ++j)
          h += w[u * kInputs + j] * run.input[row * kInputs + j];
        output.push_back(std::max(h, 0.0f));
        d.push_back(h > 0 ? run.delta[i] : 0);
        if (bias) g_bias[u] += d[i];
        for (int64_t j = 0; j < kInputs; ++j) {
          const float x = run.input[row * kInputs + j];
          g[u * kInputs + j] += d[i] * x;
          if (asymmetric) g_positive[u * kInputs + j] += d[i] * std::max(x, 0.0f);
          below[row * kInputs + j] += d[i] * r[u * kInputs + j];
        }
      }
      run.offsets = {0, 7, 7, kRows};  // of three slices, one of them empty
      const JointOptions options = Joint(spec::Activation::kRelu, asymmetric, 3);
      const RunOutput result = RunLayer(*MakeDenseLayer(kInputs, kUnits, options, matrices), run);
      ExpectEqual(result.output, output, "output");
      ExpectEqual(result.d, d, "d");
      ExpectEqual(result.forward, g, "update");
      ExpectEqual(result.feedback, g_positive, "update of R");
      ExpectEqual(result.bias, g_bias, "update of the bias");
      ExpectEqual(result.input_delta, below, "delta below");
    }
  }
}

// A part that is not asked for is not computed, and the others are as they were.
TEST(DenseLayerTest, AFrozenMatrixLeavesTheBiasItsUpdate) {
  const Values w = WholeNumbers(12, 2, 1);
  LayerMatrices matrices;
  matrices.forward = matrices.feedback = w.data();
  RunInput run;
  run.rows = 2;
  run.input = WholeNumbers(8, 3, 4);
  run.delta = {1, 2, 3, 10, 20, 30};
  run.bias = 3;
  const Values bias(3);
  matrices.bias = bias.data();
  run.offsets = {0, 2};
  const auto layer = MakeDenseLayer(4, 3, Joint(spec::Activation::kNone), matrices);
  EXPECT_THAT(RunLayer(*layer, run).bias, ElementsAre(11, 22, 33));
}

}  // namespace
}  // namespace hebb::nn
