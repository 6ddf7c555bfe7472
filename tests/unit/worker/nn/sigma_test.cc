// SPDX-License-Identifier: Apache-2.0
// Bias and activation in chunks give what they give one after the other, and gates find the record
// of their own units.
#include "worker/nn/sigma.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/nn/layer_harness.h"
#include "worker/nn/activation.h"

namespace hebb::nn {
namespace {

using spec::Activation;

class SigmaTest : public testing::TestWithParam<Activation> {};

// Two rows of 5003 places of 3 channels, the second first: several chunks, none of them whole.
TEST_P(SigmaTest, BiasIsAddedBeforeTheActivationAndTheGateFollows) {
  constexpr int64_t kPlaces = 5003, kChannels = 3, kUnits = kPlaces * kChannels;
  const Values bias = {1, -2, 0.5};
  Values values = Uniform(2 * kUnits, 1), expected = values, delta = Uniform(2 * kUnits, 2),
         expected_delta = delta;
  for (float& value : values) value *= 3;
  for (int64_t i = 0; i < 2 * kUnits; ++i) expected[i] = values[i] + bias[i % kChannels];
  std::vector<uint8_t> open(2 * kUnits);
  Activate(GetParam(), 2 * kUnits, expected.data(), open.data());
  Gate(GetParam(), 2 * kUnits, expected.data(), open.data(), expected_delta.data());

  Sigma sigma(GetParam(), kUnits);
  sigma.Prepare(2);
  sigma.ForwardWithBias(kUnits, kPlaces, kChannels, bias.data(), values.data() + kUnits);
  sigma.ForwardWithBias(0, kPlaces, kChannels, bias.data(), values.data());
  sigma.Gate({2, {}, values.data()}, delta.data());
  ExpectEqual(values, expected, "output");
  ExpectEqual(delta, expected_delta, "d");
}

TEST_P(SigmaTest, WithoutABiasItIsTheActivation) {
  Values values = Uniform(900, 3), expected = values;
  std::vector<uint8_t> open(900);
  Activate(GetParam(), 900, expected.data(), open.data());
  Sigma sigma(GetParam(), 900);
  sigma.Prepare(1);
  sigma.ForwardWithBias(0, 300, 3, nullptr, values.data());
  ExpectEqual(values, expected, "output");
}

INSTANTIATE_TEST_SUITE_P(Activations, SigmaTest,
                         testing::Values(Activation::kRamp, Activation::kNone, Activation::kTanh,
                                         Activation::kRelu, Activation::kSigmoid));

}  // namespace
}  // namespace hebb::nn
