// SPDX-License-Identifier: Apache-2.0
// Borders and ties of max pooling by hand-made images (paper.md 4.7).
#include "worker/nn/max_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

using testing::ElementsAre;

// One channel, one row; runs forward and sends `delta` back.
struct Pooled {
  std::vector<float> output, input_delta;
};

Pooled Pool(int64_t n, std::vector<float> image, const spec::MaxPool& pool,
            std::vector<float> delta) {
  spec::ResolvedLayer resolved;
  resolved.input = {1, n, n};
  const int64_t out = (n + pool.stride - 1) / pool.stride;
  resolved.output = {1, out, out};
  const int64_t padding = std::max<int64_t>((out - 1) * pool.stride + pool.size - n, 0);
  resolved.pad_before = pool.stride == pool.size ? padding / 2 : 0;
  resolved.pad_after = padding - resolved.pad_before;
  const std::unique_ptr<Layer> layer = MakeMaxPool(pool, resolved);
  Pooled result{std::vector<float>(out * out), std::vector<float>(n * n, 99.0f)};
  const float* input = image.data();
  EXPECT_TRUE(layer->Prepare(1).ok());
  EXPECT_TRUE(layer->Forward({1, true, 0, 0, {}}, {&input, 1}, result.output.data()).ok());
  EXPECT_TRUE(layer
                  ->Backward({1, {&input, 1}, result.output.data()}, delta.data(), 0,
                             result.input_delta.data())
                  .ok());
  return result;
}

TEST(MaxPoolTest, ZerosBeyondTheBorderTakePartWhereWindowsOverlap) {
  // 3/2 on 4x4: the second row and column of windows hang over by one.
  const std::vector<float> image(16, -1.0f);
  const Pooled pooled = Pool(4, image, {3, 2, spec::Ties::kAll}, {1, 2, 4, 8});
  EXPECT_THAT(pooled.output, ElementsAre(-1, 0, 0, 0));
  // Only the whole window sends its gradient, to all nine of its equal maxima.
  EXPECT_THAT(pooled.input_delta, ElementsAre(1, 1, 1, 0,  //
                                              1, 1, 1, 0,  //
                                              1, 1, 1, 0,  //
                                              0, 0, 0, 0));
}

TEST(MaxPoolTest, ARealZeroSharesTheMaximumWithTheBorder) {
  std::vector<float> image(16, -1.0f);
  image[3] = 0;  // upper right corner
  const Pooled all = Pool(4, image, {3, 2, spec::Ties::kAll}, {1, 2, 4, 8});
  EXPECT_EQ(all.input_delta[3], 2);
  const Pooled first = Pool(4, image, {3, 2, spec::Ties::kFirst}, {1, 2, 4, 8});
  EXPECT_EQ(first.input_delta[3], 2);
}

TEST(MaxPoolTest, PaddingIsIgnoredWhereWindowsDoNotOverlap) {
  // 3/3 on 4x4: padding 2 in all, one before and one after.
  std::vector<float> image(16, -2.0f);
  image[15] = -1;
  const Pooled pooled = Pool(4, image, {3, 3, spec::Ties::kAll}, {1, 2, 4, 8});
  EXPECT_THAT(pooled.output, ElementsAre(-2, -2, -2, -1));
  EXPECT_THAT(pooled.input_delta, ElementsAre(1, 1, 2, 2,  //
                                              1, 1, 2, 2,  //
                                              4, 4, 0, 0,  //
                                              4, 4, 0, 8));
}

TEST(MaxPoolTest, OddRestGoesToTheBottomAndRight) {
  // 2/2 on 3x3: the last row and column of windows hold one row or column.
  const Pooled pooled =
      Pool(3, {1, 2, 3, 4, 5, 6, 7, 8, 9}, {2, 2, spec::Ties::kAll}, {1, 2, 4, 8});
  EXPECT_THAT(pooled.output, ElementsAre(5, 6, 8, 9));
  EXPECT_THAT(pooled.input_delta, ElementsAre(0, 0, 0, 0, 1, 2, 0, 4, 8));
}

TEST(MaxPoolTest, TiesAllGivesEveryMaximumTheWholeGradientAndOverlapsAddUp) {
  const Pooled pooled =
      Pool(5, std::vector<float>(25, 1.0f), {3, 2, spec::Ties::kAll}, std::vector<float>(9, 1.0f));
  EXPECT_THAT(pooled.input_delta, ElementsAre(1, 1, 2, 1, 2,  //
                                              1, 1, 2, 1, 2,  //
                                              2, 2, 4, 2, 4,  //
                                              1, 1, 2, 1, 2,  //
                                              2, 2, 4, 2, 4));
}

TEST(MaxPoolTest, TiesFirstGivesTheFirstMaximumInRowOrderAll) {
  const Pooled pooled = Pool(4, {0, 1, 1, 1, 1, 0, 1, 1, 0, 0, 5, 4, 0, 0, 4, 5},
                             {2, 2, spec::Ties::kFirst}, {1, 2, 4, 8});
  EXPECT_THAT(pooled.input_delta, ElementsAre(0, 1, 2, 0,  //
                                              0, 0, 0, 0,  //
                                              4, 0, 8, 0,  //
                                              0, 0, 0, 0));
}

// Whole windows only, against plain loops, for ties too: values are few whole numbers.
TEST(MaxPoolTest, ValidLeavesTheRestOut) {
  constexpr int64_t kRows = 2, kChannels = 3;
  for (const auto ties : {spec::Ties::kAll, spec::Ties::kFirst}) {
    for (const auto& [n, size, stride] : {std::array<int64_t, 3>{5, 2, 2},
                                          {7, 3, 2},
                                          {8, 3, 2},
                                          {9, 3, 3},
                                          {10, 3, 3},
                                          {6, 4, 3},
                                          {6, 6, 6},
                                          {5, 2, 1}}) {
      const spec::MaxPool pool = {size, stride, ties, spec::Padding::kValid};
      const spec::ResolvedLayer r = Resolve(pool, {kChannels, n, n});
      const int64_t out = (n - size) / stride + 1;
      ASSERT_EQ(r.output.height, out);
      RunInput run;
      run.rows = kRows;
      run.input = WholeNumbers(kRows * r.input.size(), 2, 1);
      for (float& value : run.input) value -= 5;  // a zero that took part would win
      run.delta = WholeNumbers(kRows * r.output.size(), 9, 2);
      Values best(run.delta.size()), below(run.input.size());
      for (size_t i = 0; i < best.size(); ++i) {
        const int64_t at = static_cast<int64_t>(i), c = at % kChannels;
        const int64_t x = at / kChannels % out, y = at / kChannels / out % out;
        const int64_t row = at / r.output.size();
        std::vector<int64_t> window;
        for (int64_t k = 0; k < size * size; ++k) {
          window.push_back(
              ((row * n + y * stride + k / size) * n + x * stride + k % size) * kChannels + c);
        }
        const auto less = [&](int64_t a, int64_t b) { return run.input[a] < run.input[b]; };
        const int64_t first = *std::max_element(window.begin(), window.end(), less);
        best[i] = run.input[first];
        for (int64_t place : window) {
          const bool takes =
              ties == spec::Ties::kAll ? run.input[place] == best[i] : place == first;
          if (takes) below[place] += run.delta[i];
        }
      }
      const RunOutput result = RunLayer(*MakeMaxPool(pool, r), run);
      ExpectEqual(result.output, best, "maximum");
      ExpectEqual(result.input_delta, below, "delta below");
    }
  }
}

// However many channels pass through a register at a time, each fares as it does alone.
TEST(MaxPoolTest, EachChannelIsPooledAsIfAlone) {
  constexpr int64_t kRows = 2, kSide = 7, kChannels = 16 + 4 + 3;
  for (const auto ties : {spec::Ties::kAll, spec::Ties::kFirst}) {
    const spec::MaxPool pool = {3, 2, ties};
    const spec::ResolvedLayer all = Resolve(pool, {kChannels, kSide, kSide});
    const spec::ResolvedLayer alone = Resolve(pool, {1, kSide, kSide});
    RunInput run;
    run.rows = kRows;
    run.input = WholeNumbers(kRows * all.input.size(), 2, 1);
    run.delta = WholeNumbers(kRows * all.output.size(), 9, 2);
    const RunOutput result = RunLayer(*MakeMaxPool(pool, all), run);
    for (int64_t c = 0; c < kChannels; ++c) {
      const auto channel = [c](const Values& values) {
        Values some;
        for (size_t i = c; i < values.size(); i += kChannels) some.push_back(values[i]);
        return some;
      };
      RunInput one;
      one.rows = kRows;
      one.input = channel(run.input);
      one.delta = channel(run.delta);
      const RunOutput expected = RunLayer(*MakeMaxPool(pool, alone), one);
      ExpectEqual(channel(result.output), expected.output, "maximum");
      ExpectEqual(channel(result.input_delta), expected.input_delta, "delta below");
    }
  }
}

}  // namespace
}  // namespace hebb::nn
