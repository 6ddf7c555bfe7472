// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace hebb::nn {
namespace {

using testing::ElementsAre;
using testing::FloatEq;

std::vector<float> Scale(const spec::Dataset& dataset, const std::vector<uint8_t>& pixels,
                         const spec::Shape& shape) {
  const auto scaler = ImageScaler::Create(dataset, shape);
  EXPECT_TRUE(scaler.ok()) << scaler.status();
  std::vector<float> output(pixels.size());
  scaler->Scale(pixels.data(), output.data());
  return output;
}

spec::Dataset Named(const char* name, spec::Normalize normalize) {
  return {name, 0, "", true, normalize, {}};
}

TEST(ImageScalerTest, PlanesBecomeChannelsLast) {
  const auto output =
      Scale(Named("cifar10", spec::Normalize::kUnit), {0, 51, 102, 153, 204, 255}, {3, 1, 2});
  EXPECT_THAT(output,
              ElementsAre(0, FloatEq(0.4f), FloatEq(0.8f), FloatEq(0.2f), FloatEq(0.6f), 1));
}

TEST(ImageScalerTest, SignedRunsFromMinusOneToOne) {
  EXPECT_THAT(Scale(Named("glyphs", spec::Normalize::kSigned), {0, 255}, {1, 1, 2}),
              ElementsAre(-1, 1));
}

TEST(ImageScalerTest, StandardUsesEachChannelsMoments) {
  const auto output =
      Scale(Named("cifar10", spec::Normalize::kStandard), {255, 255, 255}, {3, 1, 1});
  EXPECT_THAT(output,
              ElementsAre(FloatEq((1 - 0.49140) / 0.24703), FloatEq((1 - 0.48216) / 0.24349),
                          FloatEq((1 - 0.44653) / 0.26159)));
  EXPECT_THAT(Scale(Named("mnist", spec::Normalize::kStandard), {0}, {1, 1, 1}),
              ElementsAre(FloatEq(-0.13066 / 0.30811)));
}

TEST(ImageScalerTest, StandardNeedsKnownMoments) {
  const auto scaler = ImageScaler::Create(Named("glyphs", spec::Normalize::kStandard), {1, 28, 28});
  EXPECT_EQ(scaler.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace hebb::nn
