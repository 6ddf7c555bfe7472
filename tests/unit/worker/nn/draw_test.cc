// SPDX-License-Identifier: Apache-2.0
// Bounds, moments and first values of the draws; the latter are results that users keep.
#include "worker/nn/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

namespace hebb::nn {
namespace {

using spec::Distribution;
using testing::Each;
using testing::ElementsAre;

constexpr Distribution kDistributions[] = {Distribution::kGlorotUniform,
                                           Distribution::kKaimingUniform, Distribution::kNormal};

RandomStream Stream(uint64_t seed = 1) { return {seed, RandomPurpose::kWeight, 0, 0, 0}; }

std::vector<float> Weights(Distribution distribution, Fans fans, size_t size) {
  std::vector<float> values(size, 99.0f);
  DrawWeights(distribution, Stream(), fans, values);
  return values;
}

// E[x^power] over the values.
double Moment(const std::vector<float>& values, int power) {
  double sum = 0;
  for (float value : values) sum += std::pow(double{value}, power);
  return sum / static_cast<double>(values.size());
}

void ExpectUniform(const std::vector<float>& values, double limit) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  EXPECT_GE(*low, -limit);
  EXPECT_LE(*high, limit);
  EXPECT_NEAR(*low, -limit, 1e-3 * limit);
  EXPECT_NEAR(*high, limit, 1e-3 * limit);
  EXPECT_NEAR(Moment(values, 1), 0, 0.01 * limit);
  EXPECT_NEAR(Moment(values, 2), limit * limit / 3, 0.01 * limit * limit);
}

TEST(DrawTest, GlorotFillsItsLimitsUniformly) {
  ExpectUniform(Weights(Distribution::kGlorotUniform, {75, 800}, 100000), std::sqrt(6.0 / 875));
}

TEST(DrawTest, KaimingFillsItsLimitsUniformly) {
  ExpectUniform(Weights(Distribution::kKaimingUniform, {75, 800}, 100000), 1 / std::sqrt(75.0));
}

TEST(DrawTest, NormalHasTheMomentsOfANormal) {
  const std::vector<float> values = Weights(Distribution::kNormal, {784, 500}, 200000);
  const double variance = 1.0 / 1284, deviation = std::sqrt(variance);
  EXPECT_NEAR(Moment(values, 1), 0, 0.01 * deviation);
  EXPECT_NEAR(Moment(values, 2), variance, 0.01 * variance);
  EXPECT_NEAR(Moment(values, 3), 0, 0.03 * deviation * variance);
  EXPECT_NEAR(Moment(values, 4), 3 * variance * variance, 0.05 * variance * variance);
  const auto beyond = [&](double deviations) {
    const auto far = [&](float value) { return std::fabs(value) > deviations * deviation; };
    return static_cast<double>(std::count_if(values.begin(), values.end(), far)) / 200000.0;
  };
  EXPECT_NEAR(beyond(1), 0.31731, 0.005);
  EXPECT_NEAR(beyond(2), 0.04550, 0.002);
  EXPECT_NEAR(beyond(3), 0.00270, 0.0005);
}

TEST(DrawTest, NeighboursOfANormalDrawAreUncorrelated) {
  const std::vector<float> values = Weights(Distribution::kNormal, {1, 0}, 100000);
  for (size_t lag : {1u, 2u, 3u}) {
    double product = 0;
    for (size_t i = lag; i < values.size(); ++i) product += double{values[i]} * values[i - lag];
    EXPECT_NEAR(product / 100000, 0, 0.015) << lag;
  }
}

// Box and Muller's formula with the library's functions, which round alike to float32 but for the
// last bit now and then.
TEST(DrawTest, NormalIsBoxAndMullersOfTheWords) {
  const std::vector<float> values = Weights(Distribution::kNormal, {3, 1}, 20001);
  const RandomStream stream = Stream();
  for (size_t i = 0; i < values.size(); ++i) {
    const double radius = std::sqrt(-2 * std::log((stream.Word(i / 2 * 2) + 0.5) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * stream.Word(i / 2 * 2 + 1) * 0x1p-32;
    const double expected = 0.5 * radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    ASSERT_NEAR(values[i], expected, 1e-7 * std::max(std::fabs(expected), 1e-3)) << i;
  }
}

// Persisted: a change here changes users' results.
TEST(DrawTest, FirstValuesAreTheseForEver) {
  EXPECT_THAT(Weights(Distribution::kGlorotUniform, {75, 800}, 5),
              ElementsAre(0x1.4b32fap-6f, 0x1.044474p-7f, -0x1.ef6b34p-11f, 0x1.45dea8p-4f,
                          0x1.074454p-13f));
  EXPECT_THAT(
      Weights(Distribution::kKaimingUniform, {75, 800}, 5),
      ElementsAre(0x1.cdd5cap-6f, 0x1.6aecfp-7f, -0x1.596a0cp-10f, 0x1.c66756p-4f, 0x1.6f1bbp-13f));
  EXPECT_THAT(Weights(Distribution::kNormal, {75, 800}, 5),
              ElementsAre(-0x1.01b08cp-5f, -0x1.405bb8p-7f, 0x1.4643cep-5f, -0x1.43730ap-8f,
                          -0x1.c349bep-6f));
}

TEST(DrawTest, AnEntryDependsOnItsIndexOnly) {
  for (Distribution distribution : kDistributions) {
    const std::vector<float> many = Weights(distribution, {4, 4}, 50);
    for (size_t size : {1u, 2u, 7u, 8u}) {
      const std::vector<float> few = Weights(distribution, {4, 4}, size);
      EXPECT_TRUE(std::equal(few.begin(), few.end(), many.begin())) << size;
    }
  }
}

TEST(DrawTest, BiasesAreZeroUnderGlorotAndDrawnElsewhere) {
  const RandomStream stream(1, RandomPurpose::kBias, 0, 0, 0);
  std::vector<float> biases(1000, 99.0f), weights(1000);
  DrawBiases(Distribution::kGlorotUniform, stream, {25, 100}, biases);
  EXPECT_THAT(biases, Each(0.0f));
  for (Distribution distribution : {Distribution::kKaimingUniform, Distribution::kNormal}) {
    DrawBiases(distribution, stream, {25, 100}, biases);
    DrawWeights(distribution, stream, {25, 100}, weights);
    EXPECT_EQ(biases, weights);
  }
}

TEST(DrawTest, FansOfAConvolutionCountItsTaps) {
  const Fans fans = ConvFans({3, 32, 32}, {32, 32, 32}, 5);
  EXPECT_EQ(fans.in, 75);
  EXPECT_EQ(fans.out, 800);
}

TEST(DrawTest, MaskKeepsWhereTheWordIsBelow) {
  const RandomStream stream(9, RandomPurpose::kConnectivity, 2, 0, 0);
  for (double keep : {0.1, 0.5, 0.9}) {
    std::vector<float> mask(50001, 99.0f);
    DrawMask(stream, keep, mask);
    for (size_t i = 0; i < mask.size(); ++i) {
      ASSERT_EQ(mask[i], RandomStream::ToUnit(stream.Word(i)) < keep ? 1.0f : 0.0f) << i;
    }
    EXPECT_NEAR(Moment(mask, 1), keep, 0.01);
  }
}

TEST(DrawTest, MaskOfAllKeepsAll) {
  std::vector<float> mask(1000, 99.0f);
  DrawMask(Stream(), 1.0, mask);
  EXPECT_THAT(mask, Each(1.0f));
}

// Of W and R: a connection is in both with the product of the shares.
TEST(DrawTest, MasksOfWAndROfOneLayerAreIndependent) {
  std::vector<float> w(100000), r(w), both(w);
  DrawMask({1, RandomPurpose::kConnectivity, 3, 0, 0}, 0.5, w);
  DrawMask({1, RandomPurpose::kConnectivity, 3, 0, 1}, 0.5, r);
  std::transform(w.begin(), w.end(), r.begin(), both.begin(), std::multiplies<>());
  EXPECT_NEAR(Moment(w, 1), 0.5, 0.006);
  EXPECT_NEAR(Moment(r, 1), 0.5, 0.006);
  EXPECT_NEAR(Moment(both, 1), 0.25, 0.006);
}

}  // namespace
}  // namespace hebb::nn
