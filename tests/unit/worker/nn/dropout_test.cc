// SPDX-License-Identifier: Apache-2.0
// Which units are dropped (a pure function of the key), how many, and what comes back.
#include "worker/nn/dropout.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/random.h"

namespace hebb::nn {
namespace {

constexpr uint64_t kSeed = 0x123456789abcdef;

std::vector<float> Forward(const spec::Shape& shape, double rate, const std::vector<int64_t>& ids,
                           const std::vector<float>& input, bool training = true,
                           bool per_channel = false) {
  const std::unique_ptr<Layer> layer = MakeDropout(shape, {rate, per_channel}, 4);
  std::vector<float> output(input.size(), 99.0f);
  const float* from = input.data();
  const Batch batch = {static_cast<int64_t>(ids.size()), training, kSeed, 2, ids};
  EXPECT_TRUE(layer->Forward(batch, {&from, 1}, output.data()).ok());
  return output;
}

TEST(DropoutTest, UnitsAreDrawnAtTheirCanonicalIndex) {
  const std::vector<int64_t> ids = {11, 12};
  for (const spec::Shape& shape : {spec::Shape{3, 5, 7}, {16, 4, 4}, {19, 3, 3}, {24, 11, 1}}) {
    SCOPED_TRACE(shape.channels);
    const int64_t places = shape.height * shape.width;
    const auto output = Forward(shape, 0.5, ids, std::vector<float>(2 * shape.size(), 1.0f));
    for (size_t row = 0; row < ids.size(); ++row) {
      const RandomStream stream(kSeed, RandomPurpose::kDropout, 4, 2,
                                static_cast<uint32_t>(ids[row]));
      for (int64_t c = 0; c < shape.channels; ++c) {
        for (int64_t place = 0; place < places; ++place) {
          const bool dropped = RandomStream::ToUnit(stream.Word(c * places + place)) < 0.5;
          EXPECT_EQ(output[row * shape.size() + place * shape.channels + c], dropped ? 0.0f : 2.0f);
        }
      }
    }
  }
}

TEST(DropoutTest, PerChannelOneDrawServesAllPlaces) {
  const spec::Shape shape = {67, 5, 7};
  const std::vector<int64_t> ids = {11, 12};
  const std::vector<float> input(2 * shape.size(), 1.0f);
  const auto output = Forward(shape, 0.5, ids, input, /*training=*/true, /*per_channel=*/true);
  int dropped_channels = 0;
  for (size_t row = 0; row < ids.size(); ++row) {
    const RandomStream stream(kSeed, RandomPurpose::kDropout, 4, 2,
                              static_cast<uint32_t>(ids[row]));
    for (int64_t c = 0; c < shape.channels; ++c) {
      const bool dropped = RandomStream::ToUnit(stream.Word(c)) < 0.5;
      dropped_channels += dropped;
      for (int64_t place = 0; place < 35; ++place) {
        ASSERT_EQ(output[row * shape.size() + place * shape.channels + c], dropped ? 0.0f : 2.0f);
      }
    }
  }
  EXPECT_GT(dropped_channels, 40);
  EXPECT_LT(dropped_channels, 94);
  EXPECT_EQ(Forward(shape, 0.5, ids, input, /*training=*/false, /*per_channel=*/true), input);
}

TEST(DropoutTest, RateIsTheProbabilityOfBeingDropped) {
  const spec::Shape shape = {32, 16, 16};
  const std::vector<int64_t> ids = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  for (double rate : {0.3, 0.8}) {
    const auto output =
        Forward(shape, rate, ids, std::vector<float>(ids.size() * shape.size(), 1.0f));
    double dropped = 0;
    for (float value : output) {
      dropped += value == 0;
      if (value != 0) {
        ASSERT_FLOAT_EQ(value, 1 / (1 - rate));
      }
    }
    EXPECT_NEAR(dropped / static_cast<double>(output.size()), rate, 0.006);
  }
}

TEST(DropoutTest, NothingIsDroppedInEvaluationOrAtRateZero) {
  const std::vector<float> input = {1, 2, 3, 4};
  EXPECT_EQ(Forward({4, 1, 1}, 0.9, {1}, input, /*training=*/false), input);
  EXPECT_EQ(Forward({4, 1, 1}, 0.0, {1}, input), input);
}

// The author's rule: nothing comes back where the OUTPUT is zero, dropped or not.
TEST(DropoutTest, BackwardIsClosedWhereTheOutputIsZero) {
  const std::unique_ptr<Layer> layer = MakeDropout({4, 1, 1}, {0.5, false}, 0);
  const std::vector<float> input = {1, 0, 3, 4}, output = {2, 0, 0, 8}, delta = {1, 1, 1, 1};
  std::vector<float> input_delta(4, 99.0f);
  const float* from = input.data();
  ASSERT_TRUE(
      layer->Backward({1, {&from, 1}, output.data()}, delta.data(), 0, input_delta.data()).ok());
  EXPECT_EQ(input_delta, (std::vector<float>{2, 0, 0, 2}));
}

}  // namespace
}  // namespace hebb::nn
