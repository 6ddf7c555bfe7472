// SPDX-License-Identifier: Apache-2.0
// What is proven: labels are short, and different for different points.
#include "common/sweep/labels.h"

#include <gtest/gtest.h>

namespace hebb::sweep {
namespace {

TEST(LabelsTest, KeysAreShortenedAsFarAsTheyStayDifferent) {
  const Point point = {{"learning.rule", "bp"},
                       {"seed", "1"},
                       {"network.layers.conv1.conv.filters", "8"},
                       {"network.layers.conv2.conv.filters", "16"}};
  const Labels labels({point});
  EXPECT_EQ(labels.Of(point), "rule=bp,seed=1,conv1.conv.filters=8,conv2.conv.filters=16");
  EXPECT_EQ(labels.Key("unknown.key"), "unknown.key");
  EXPECT_EQ(labels.Of({}), "");
}

TEST(LabelsTest, AKeyThatEndsAnotherStaysDifferent) {
  const Point point = {{"a.rate", "1"}, {"rate", "2"}};
  const Labels labels({point});
  EXPECT_EQ(labels.Key("rate"), "rate");
  EXPECT_EQ(labels.Key("a.rate"), "a.rate");
}

TEST(LabelsTest, ValuesAreReadable) {
  const std::string longer = R"([{"name":"out","dense":{"units":10,"activation":"none"}}])";
  const Labels labels({{{"loss", R"({"cross_entropy":{}})"}, {"layers", "[1]"}},
                       {{"loss", R"({"hinge":{"m":2}})"}, {"layers", longer}}});
  EXPECT_EQ(labels.Value("loss", R"({"cross_entropy":{}})"), "cross_entropy");
  EXPECT_EQ(labels.Value("loss", R"({"hinge":{"m":2}})"), "{hinge:{m:2}}");
  EXPECT_EQ(labels.Value("layers", longer), "#2");
  EXPECT_EQ(labels.Value("seed", "1"), "1");
  EXPECT_EQ(labels.Value("path", R"("a b")"), "a b");
}

}  // namespace
}  // namespace hebb::sweep
