// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/dense_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

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

}  // namespace
}  // namespace hebb::nn
