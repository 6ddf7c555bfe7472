// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/add.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

constexpr int64_t kRows = 3, kUnits = 12345;  // several chunks and a rest

struct Added {
  Values output, d, input_delta;
};

Added RunAdd(spec::Activation activation, const std::vector<Values>& inputs, const Values& delta) {
  const std::unique_ptr<Layer> layer = MakeAdd(kUnits, activation);
  std::vector<const float*> pointers;
  for (const Values& input : inputs) pointers.push_back(input.data());
  const float nan = std::nanf("");
  Added result = {Values(kRows * kUnits, nan), delta, Values(kRows * kUnits, nan)};
  EXPECT_TRUE(layer->Prepare(kRows).ok());
  EXPECT_TRUE(layer->Forward({kRows, true, 0, 0, {}}, pointers, result.output.data()).ok());
  const Layer::Trace trace = {kRows, pointers, result.output.data()};
  layer->Gate(trace, result.d.data());
  EXPECT_TRUE(layer->Backward(trace, result.d.data(), 0, result.input_delta.data()).ok());
  EXPECT_TRUE(layer->passes_delta());
  return result;
}

std::vector<Values> Inputs(int count) {
  std::vector<Values> inputs;
  for (int i = 0; i < count; ++i) inputs.push_back(WholeNumbers(kRows * kUnits, 4, 10 + i));
  return inputs;
}

TEST(AddTest, SumsAllInputsAndPassesDeltaOn) {
  for (int count : {1, 2, 3}) {
    const std::vector<Values> inputs = Inputs(count);
    Values sum(kRows * kUnits);
    for (const Values& input : inputs) {
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += input[i];
    }
    const Values delta = Uniform(kRows * kUnits, 5);
    const Added added = RunAdd(spec::Activation::kNone, inputs, delta);
    ExpectEqual(added.output, sum, "sum");
    ExpectEqual(added.d, delta, "d");
    ExpectEqual(added.input_delta, delta, "delta below");
  }
}

// What goes down is d, gated in place: the memory may be handed over to an input.
TEST(AddTest, ActivationComesAfterTheSumAndGatesWhatGoesDown) {
  const std::vector<Values> inputs = Inputs(2);
  const Values delta = Uniform(kRows * kUnits, 5);
  Values relu, relu_d, ramp, ramp_d;
  for (size_t i = 0; i < delta.size(); ++i) {
    const float h = inputs[0][i] + inputs[1][i];
    relu.push_back(std::max(h, 0.0f));
    relu_d.push_back(h > 0 ? delta[i] : 0);
    ramp.push_back(std::clamp(h / 2, -1.0f, 1.0f));
    ramp_d.push_back(std::abs(h) <= 2 ? delta[i] / 2 : 0);
  }
  const Added with_relu = RunAdd(spec::Activation::kRelu, inputs, delta);
  ExpectEqual(with_relu.output, relu, "relu");
  ExpectEqual(with_relu.d, relu_d, "d of relu");
  ExpectEqual(with_relu.input_delta, relu_d, "delta below relu");
  const Added with_ramp = RunAdd(spec::Activation::kRamp, inputs, delta);
  ExpectEqual(with_ramp.output, ramp, "ramp");
  ExpectEqual(with_ramp.input_delta, ramp_d, "delta below ramp");
}

}  // namespace
}  // namespace hebb::nn
