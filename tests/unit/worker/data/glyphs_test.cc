// SPDX-License-Identifier: Apache-2.0
// The generated set is the same bytes everywhere, balanced, and worth learning: a linear model gets
// some of it, not all.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "common/sha256.h"
#include "worker/data/dataset.h"

namespace hebb::data {
namespace {

std::unique_ptr<Dataset> OpenGlyphs() {
  spec::Dataset spec;
  spec.name = "glyphs";
  spec.validation = 1000;
  auto set = OpenDataset(spec, "/nowhere");
  EXPECT_TRUE(set.ok()) << set.status();
  return set.ok() ? *std::move(set) : nullptr;
}

TEST(GlyphsTest, HasItsSizes) {
  const auto set = OpenGlyphs();
  EXPECT_EQ(set->size(Split::kTrain), 9000);
  EXPECT_EQ(set->size(Split::kValidation), 1000);
  EXPECT_EQ(set->size(Split::kTest), 2000);
  EXPECT_EQ(set->facts().image, (spec::Shape{1, 28, 28}));
}

// A change here changes every result on glyphs.
TEST(GlyphsTest, IsTheSetOfEveryVersion) {
  const auto set = OpenGlyphs();
  Sha256 sum;
  for (Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    for (int64_t i = 0; i < set->size(split); ++i) {
      const Record record = set->Get(split, i);
      const auto label = static_cast<uint8_t>(record.label);
      sum.Update(&label, 1);
      sum.Update(record.pixels, 784);
    }
  }
  EXPECT_EQ(sum.Finish(), "1e7195b1c1318efe0075a91bca2af06ca4594c9d643c32d7e9f7d471d833c213");
}

TEST(GlyphsTest, ClassesAreBalanced) {
  const auto set = OpenGlyphs();
  std::array<int, 10> counts = {};
  for (int64_t i = 0; i < set->size(Split::kTest); ++i) ++counts[set->Get(Split::kTest, i).label];
  for (int count : counts) EXPECT_NEAR(count, 200, 60);
}

// One-against-all least squares by stochastic gradient descent.
double LinearAccuracy(const Dataset& set, int epochs) {
  std::vector<float> weights(10 * 785, 0.0f), x(785, 1.0f);
  const auto outputs = [&](const Record& record) {
    for (int i = 0; i < 784; ++i) x[i] = static_cast<float>(record.pixels[i]) / 255.0f;
    std::array<float, 10> y = {};
    for (int k = 0; k < 10; ++k) {
      for (int i = 0; i < 785; ++i) y[k] += weights[k * 785 + i] * x[i];
    }
    return y;
  };
  for (int64_t n = 0; n < epochs * set.size(Split::kTrain); ++n) {
    const Record record = set.Get(Split::kTrain, n % set.size(Split::kTrain));
    const std::array<float, 10> y = outputs(record);
    for (int k = 0; k < 10; ++k) {
      const float error = y[k] - (k == record.label ? 1.0f : -1.0f);
      for (int i = 0; i < 785; ++i) weights[k * 785 + i] -= 0.002f * error * x[i];
    }
  }
  int correct = 0;
  for (int64_t i = 0; i < set.size(Split::kTest); ++i) {
    const Record record = set.Get(Split::kTest, i);
    const std::array<float, 10> y = outputs(record);
    if (std::max_element(y.begin(), y.end()) - y.begin() == record.label) ++correct;
  }
  return static_cast<double>(correct) / static_cast<double>(set.size(Split::kTest));
}

TEST(GlyphsTest, ALinearModelLearnsSomeOfIt) {
  const double accuracy = LinearAccuracy(*OpenGlyphs(), 2);
  EXPECT_GT(accuracy, 0.5);
  EXPECT_LT(accuracy, 0.93);
  RecordProperty("accuracy", std::to_string(accuracy));
}

}  // namespace
}  // namespace hebb::data
