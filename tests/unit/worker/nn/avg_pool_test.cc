// SPDX-License-Identifier: Apache-2.0
// Average pooling against plain loops, and its borders by hand-made images.
#include "worker/nn/avg_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

using spec::Padding;
using testing::ElementsAre;
using testing::FloatEq;

constexpr int64_t kRows = 2;

RunOutput Pool(const spec::AvgPool& pool, const spec::ResolvedLayer& resolved, const Values& input,
               const Values& delta) {
  const std::unique_ptr<Layer> layer = MakeAvgPool(pool, resolved);
  RunInput run;
  run.rows = static_cast<int64_t>(input.size()) / resolved.input.size();
  run.input = input;
  run.delta = delta;
  return RunLayer(*layer, run);
}

// Visits (input index, output index, positions inside) of every position in every window.
template <typename Visit>
void ForEachPosition(const spec::AvgPool& pool, const spec::ResolvedLayer& r, Visit visit) {
  const int64_t n = r.input.height, out = r.output.height, channels = r.input.channels;
  const auto inside = [&](int64_t index) {
    int64_t count = 0;
    for (int64_t k = 0; k < pool.size; ++k) {
      const int64_t at = index * pool.stride + k - r.pad_before;
      count += at >= 0 && at < n;
    }
    return count;
  };
  const auto window = [&](int64_t row, int64_t y, int64_t x) {
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        const int64_t ky = i - (y * pool.stride - r.pad_before);
        const int64_t kx = j - (x * pool.stride - r.pad_before);
        if (ky < 0 || ky >= pool.size || kx < 0 || kx >= pool.size) continue;
        for (int64_t c = 0; c < channels; ++c) {
          visit(((row * n + i) * n + j) * channels + c, ((row * out + y) * out + x) * channels + c,
                inside(y) * inside(x));
        }
      }
    }
  };
  for (int64_t row = 0; row < kRows; ++row) {
    for (int64_t y = 0; y < out; ++y) {
      for (int64_t x = 0; x < out; ++x) window(row, y, x);
    }
  }
}

TEST(AvgPoolTest, EverySizeStrideAndPaddingGivesThePlainMeans) {
  int cases = 0;
  for (const auto padding : {Padding::kSame, Padding::kValid}) {
    for (int64_t n : {4, 5, 7, 8}) {
      for (int64_t size : {1, 2, 3, 4}) {
        for (int64_t stride : {1, 2, 3, 4}) {
          const spec::AvgPool pool = {size, stride, padding};
          std::string refusal;
          const spec::ResolvedLayer r = Resolve(pool, {5, n, n}, &refusal);
          if (!refusal.empty()) continue;
          SCOPED_TRACE(absl::StrCat("image ", n, ", size ", size, ", stride ", stride,
                                    padding == Padding::kSame ? ", same" : ", valid"));
          const Values input = Uniform(kRows * r.input.size(), 1),
                       delta = Uniform(kRows * r.output.size(), 2);
          std::vector<double> mean(delta.size()), below(input.size());
          ForEachPosition(pool, r, [&](int64_t in, int64_t out, int64_t count) {
            mean[out] += double{input[in]} / static_cast<double>(count);
            below[in] += double{delta[out]} / static_cast<double>(count);
          });
          const RunOutput result = Pool(pool, r, input, delta);
          ExpectNear(result.output, Values(mean.begin(), mean.end()), 5e-7, "mean");
          ExpectNear(result.input_delta, Values(below.begin(), below.end()), 2e-6, "delta below");
          ++cases;
        }
      }
    }
  }
  EXPECT_GT(cases, 60);
}

// 3/2 on 4x4, TensorFlow's SAME: one row and column of padding, at the bottom and right.
TEST(AvgPoolTest, PaddingIsNotCountedInTheMean) {
  const spec::AvgPool pool = {3, 2, Padding::kSame};
  const RunOutput result = Pool(pool, Resolve(pool, {1, 4, 4}),
                                {9, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 4}, {9, 6, 6, 4});
  EXPECT_THAT(result.output, ElementsAre(FloatEq(1), FloatEq(1), FloatEq(1), FloatEq(1)));
  EXPECT_THAT(result.input_delta, ElementsAre(FloatEq(1), FloatEq(1), FloatEq(2), FloatEq(1),  //
                                              FloatEq(1), FloatEq(1), FloatEq(2), FloatEq(1),  //
                                              FloatEq(2), FloatEq(2), FloatEq(4), FloatEq(2),  //
                                              FloatEq(1), FloatEq(1), FloatEq(2), FloatEq(1)));
}

TEST(AvgPoolTest, ValidLeavesTheRestOut) {
  const spec::AvgPool pool = {2, 2, Padding::kValid};
  const RunOutput result =
      Pool(pool, Resolve(pool, {1, 3, 3}), {1, 2, 50, 3, 6, 50, 50, 50, 50}, {4});
  EXPECT_THAT(result.output, ElementsAre(3));
  EXPECT_THAT(result.input_delta, ElementsAre(1, 1, 0, 1, 1, 0, 0, 0, 0));
}

TEST(GlobalAvgPoolTest, GivesTheMeanOfEachChannelAndItsShareBack) {
  for (const spec::Shape& shape : {spec::Shape{3, 4, 4}, {70, 5, 5}, {10, 1, 1}, {64, 8, 8}}) {
    const int64_t places = shape.height * shape.width;
    RunInput run;
    run.rows = kRows;
    run.input = Uniform(kRows * shape.size(), 1);
    run.delta = Uniform(kRows * shape.channels, 2);
    std::vector<double> mean(run.delta.size());
    Values below(run.input.size());
    for (size_t i = 0; i < below.size(); ++i) {
      const int64_t row = static_cast<int64_t>(i) / shape.size();
      const int64_t out = row * shape.channels + static_cast<int64_t>(i) % shape.channels;
      mean[out] += double{run.input[i]} / static_cast<double>(places);
      below[i] = run.delta[out] / static_cast<float>(places);
    }
    const RunOutput result = RunLayer(*MakeGlobalAvgPool(shape), run);
    ExpectNear(result.output, Values(mean.begin(), mean.end()), 1e-7, "mean");
    ExpectNear(result.input_delta, below, 1e-7, "delta below");
  }
}

}  // namespace
}  // namespace hebb::nn
