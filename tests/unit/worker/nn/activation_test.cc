// SPDX-License-Identifier: Apache-2.0
// The nonlinearities at their special points; their values and slopes in general are checked by the
// engine's oracle test.
#include "worker/nn/activation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace hebb::nn {
namespace {

using spec::Activation;
using testing::ElementsAre;

constexpr float kAbove = 2.0f + 0x1p-22f;  // the first float above 2

TEST(ActivationTest, RampIsHalfTheFieldCutAtOne) {
  std::vector<float> values = {-9, -2, -1, 0, 1, 2, 9};
  std::vector<uint8_t> open(values.size());
  Activate(Activation::kRamp, values.size(), values.data(), open.data());
  EXPECT_THAT(values, ElementsAre(-1, -1, -0.5, 0, 0.5, 1, 1));
}

// Gated where s h > 1 or < -1, strictly (paper.md 4.9): the edge itself lets errors through.
TEST(ActivationTest, RampGateIsClosedStrictlyBeyondTheEdge) {
  std::vector<float> values = {-kAbove, -2, 0.5, 2, kAbove};
  std::vector<uint8_t> open(values.size());
  Activate(Activation::kRamp, values.size(), values.data(), open.data());
  std::vector<float> delta(values.size(), 4.0f);
  Gate(Activation::kRamp, values.size(), values.data(), open.data(), delta.data());
  EXPECT_THAT(delta, ElementsAre(0, 2, 2, 2, 0));
}

TEST(ActivationTest, ReluIsClosedAtZero) {
  std::vector<float> values = {-1, 0, 3};
  Activate(Activation::kRelu, 3, values.data(), nullptr);
  EXPECT_THAT(values, ElementsAre(0, 0, 3));
  std::vector<float> delta(3, 4.0f);
  Gate(Activation::kRelu, 3, values.data(), nullptr, delta.data());
  EXPECT_THAT(delta, ElementsAre(0, 0, 4));
}

TEST(ActivationTest, NoneChangesNothing) {
  std::vector<float> values = {-3, 5}, delta = {1, 2};
  Activate(Activation::kNone, 2, values.data(), nullptr);
  Gate(Activation::kNone, 2, values.data(), nullptr, delta.data());
  EXPECT_THAT(values, ElementsAre(-3, 5));
  EXPECT_THAT(delta, ElementsAre(1, 2));
}

// A broken field must reach the loss, which stops the run.
TEST(ActivationTest, NotANumberStaysOne) {
  for (const auto activation : {Activation::kRamp, Activation::kNone, Activation::kTanh,
                                Activation::kRelu, Activation::kSigmoid}) {
    std::vector<float> values(19, std::numeric_limits<float>::quiet_NaN());
    std::vector<uint8_t> open(values.size());
    Activate(activation, values.size(), values.data(), open.data());
    for (float value : values) EXPECT_TRUE(std::isnan(value));
  }
}

}  // namespace
}  // namespace hebb::nn
