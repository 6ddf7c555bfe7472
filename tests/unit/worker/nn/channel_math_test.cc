// SPDX-License-Identifier: Apache-2.0
// Sums and maps by channel against plain loops, for few and many channels and for numbers of places
// that fill no run.
#include "worker/nn/channel_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/worker/nn/layer_harness.h"

namespace hebb::nn {
namespace {

struct Extent {
  int64_t places, channels;
};

class ChannelMathTest : public testing::TestWithParam<Extent> {
 protected:
  const int64_t places_ = GetParam().places;
  const int64_t channels_ = GetParam().channels;
  const int64_t size_ = places_ * channels_;
};

TEST_P(ChannelMathTest, SumsAreExactForWholeNumbers) {
  const Values x = WholeNumbers(size_, 9, 1), d = WholeNumbers(size_, 9, 2),
               mean = WholeNumbers(channels_, 4, 3);
  Values sums(channels_), squares(channels_), products(channels_), d_sums(channels_);
  for (int64_t i = 0; i < size_; ++i) {
    const int64_t c = i % channels_;
    sums[c] += x[i];
    squares[c] += x[i] * x[i];
    d_sums[c] += d[i];
    products[c] += d[i] * (x[i] - mean[c]);
  }
  const float nan = std::nanf("");
  Values a(channels_, nan), b(channels_, nan);
  SumByChannel(places_, channels_, x.data(), a.data());
  ExpectEqual(a, sums, "sums");
  a.assign(channels_, nan);
  MomentsByChannel(places_, channels_, x.data(), a.data(), b.data());
  ExpectEqual(a, sums, "sums with squares");
  ExpectEqual(b, squares, "squares");
  std::vector<double> p(channels_, nan), q(channels_, nan);
  ProductsByChannel(places_, channels_, d.data(), x.data(), mean.data(), p.data(), q.data());
  ExpectEqual(Values(p.begin(), p.end()), d_sums, "sums of d");
  ExpectEqual(Values(q.begin(), q.end()), products, "products");
}

TEST_P(ChannelMathTest, MapsTakeEachChannelsOwnNumbers) {
  const Values x = WholeNumbers(size_, 9, 1), d = WholeNumbers(size_, 9, 2);
  const Values mean = WholeNumbers(channels_, 4, 3), factor = WholeNumbers(channels_, 4, 4),
               shift = WholeNumbers(channels_, 4, 5), slope = WholeNumbers(channels_, 4, 6);
  Values added = x, normalised(size_), back(size_);
  for (int64_t i = 0; i < size_; ++i) {
    const int64_t c = i % channels_;
    added[i] += shift[c];
    normalised[i] = (x[i] - mean[c]) * factor[c] + shift[c];
    back[i] = factor[c] * (d[i] - shift[c] - slope[c] * (x[i] - mean[c]));
  }
  Values to = x;
  AddByChannel(places_, channels_, shift.data(), to.data());
  ExpectEqual(to, added, "bias");
  to.assign(size_, std::nanf(""));
  NormaliseByChannel(places_, channels_, mean.data(), factor.data(), shift.data(), x.data(),
                     to.data());
  ExpectEqual(to, normalised, "normalised");
  to.assign(size_, std::nanf(""));
  NormaliseBackByChannel(places_, channels_,
                         {factor.data(), shift.data(), mean.data(), slope.data()}, d.data(),
                         x.data(), to.data());
  ExpectEqual(to, back, "back");
}

INSTANTIATE_TEST_SUITE_P(Extents, ChannelMathTest,
                         testing::Values(Extent{1, 1}, Extent{1, 10}, Extent{63, 10},
                                         Extent{1000, 1}, Extent{1001, 3}, Extent{7, 16},
                                         Extent{1024, 16}, Extent{333, 32}, Extent{50, 33},
                                         Extent{50, 64}, Extent{49, 65}, Extent{20, 128},
                                         Extent{13, 200}, Extent{5, 1000}),
                         [](const auto& test) {
                           return absl::StrCat(test.param.places, "Places", test.param.channels,
                                               "Channels");
                         });

// A million values of 1 + small: float sums would be off in the fourth digit.
TEST(ChannelMathAccuracyTest, LongSumsKeepTheirDigits) {
  constexpr int64_t kPlaces = 1 << 20;
  Values x = Uniform(kPlaces, 1);
  double sum = 0, square = 0;
  for (float& value : x) {
    value = 1 + 0.01f * value;
    sum += value;
    square += double{value} * value;
  }
  float sums = 0, squares = 0;
  MomentsByChannel(kPlaces, 1, x.data(), &sums, &squares);
  EXPECT_NEAR(sums / sum, 1, 1e-7);
  EXPECT_NEAR(squares / square, 1, 1e-7);
}

}  // namespace
}  // namespace hebb::nn
