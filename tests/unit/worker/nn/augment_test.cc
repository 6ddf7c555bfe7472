// SPDX-License-Identifier: Apache-2.0
// What augmentation may do to an image, how often, and that it is a function of its key.
#include "worker/nn/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "common/random.h"

namespace hebb::nn {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::SizeIs;

using Pixels = std::vector<int>;
constexpr uint64_t kSeed = 5;
const spec::Shape kShape = {2, 5, 6};

// Every pixel of an image different, none 0.
Pixels Image(const spec::Shape& shape = kShape) {
  Pixels image(shape.size());
  std::iota(image.begin(), image.end(), 1);
  return image;
}

Pixels Apply(const spec::Augment& augment, int64_t epoch, int64_t id, uint64_t seed = kSeed,
             const spec::Shape& shape = kShape) {
  const Pixels image = Image(shape);
  const std::vector<uint8_t> bytes(image.begin(), image.end());
  std::vector<uint8_t> augmented(image.size(), 0xEE);
  Augmenter(augment, shape, seed).Apply(epoch, id, bytes.data(), augmented.data());
  return {augmented.begin(), augmented.end()};
}

// The image with `move(y, x)` telling where a pixel comes from; outside of it 0.
template <typename Move>
Pixels Moved(const Move& move) {
  const Pixels image = Image();
  Pixels moved;
  for (int64_t c = 0; c < kShape.channels; ++c) {
    for (int64_t y = 0; y < kShape.height; ++y) {
      for (int64_t x = 0; x < kShape.width; ++x) {
        const auto [v, w] = move(y, x);
        const bool inside = v >= 0 && v < kShape.height && w >= 0 && w < kShape.width;
        moved.push_back(inside ? image[(c * kShape.height + v) * kShape.width + w] : 0);
      }
    }
  }
  return moved;
}

// For a position less than n beyond the border.
int64_t Reflect(int64_t p, int64_t n) { return p < 0 ? -1 - p : p < n ? p : 2 * n - 1 - p; }

using Place = std::pair<int64_t, int64_t>;

TEST(AugmentTest, NothingAskedForChangesNothing) {
  EXPECT_EQ(Apply({}, 1, 2), Image());
  EXPECT_FALSE(Augmenter({}, kShape, kSeed).changes_images());
  EXPECT_TRUE(Augmenter({.crop = 1}, kShape, kSeed).changes_images());
}

TEST(AugmentTest, FlipMirrorsEverySecondImage) {
  const auto mirrored = Moved([](int64_t y, int64_t x) { return Place(y, kShape.width - 1 - x); });
  int flipped = 0;
  for (int64_t id = 0; id < 2000; ++id) {
    const Pixels augmented = Apply({.flip = true}, 0, id);
    flipped += augmented == mirrored;
    ASSERT_TRUE(augmented == mirrored || augmented == Image()) << id;
  }
  EXPECT_NEAR(flipped, 1000, 100);
}

TEST(AugmentTest, CropIsAWindowOfTheImageWithZerosAround) {
  std::map<Pixels, Place> windows;
  for (int64_t dy = -2; dy <= 2; ++dy) {
    for (int64_t dx = -2; dx <= 2; ++dx) {
      windows[Moved([&](int64_t y, int64_t x) { return Place(y + dy, x + dx); })] = {dy, dx};
    }
  }
  std::map<Place, int> seen;
  for (int64_t id = 0; id < 5000; ++id) {
    const auto window = windows.find(Apply({.crop = 2}, 3, id));
    ASSERT_NE(window, windows.end()) << id;
    ++seen[window->second];
  }
  EXPECT_THAT(seen, SizeIs(25));
  for (const auto& [place, times] : seen) EXPECT_NEAR(times, 200, 70);
}

TEST(AugmentTest, ShiftReflectsTheBorder) {
  std::map<Pixels, Place> images;
  for (int64_t dy = -3; dy <= 3; ++dy) {
    for (int64_t dx = -3; dx <= 3; ++dx) {
      images[Moved([&](int64_t y, int64_t x) {
        return Place(Reflect(y + dy, kShape.height), Reflect(x + dx, kShape.width));
      })] = {dy, dx};
    }
  }
  std::map<Place, int> seen;
  for (int64_t id = 0; id < 9800; ++id) {
    const auto image = images.find(Apply({.shift = 3}, 3, id));
    ASSERT_NE(image, images.end()) << id;
    ++seen[image->second];
  }
  EXPECT_THAT(seen, SizeIs(49));
  for (const auto& [place, times] : seen) EXPECT_NEAR(times, 200, 70);
}

// Further than the image is wide, the reflections repeat.
TEST(AugmentTest, ALongShiftReflectsAgainAndAgain) {
  const spec::Shape line = {1, 1, 2};
  std::set<Pixels> seen;
  for (int64_t id = 0; id < 500; ++id) seen.insert(Apply({.shift = 25}, 0, id, kSeed, line));
  EXPECT_THAT(seen, ElementsAre(ElementsAre(1, 1), ElementsAre(1, 2), ElementsAre(2, 1),
                                ElementsAre(2, 2)));
}

// The documented words, order and directions, followed by hand.
TEST(AugmentTest, ShiftThenCropThenFlip) {
  const spec::Augment augment = {.flip = true, .crop = 2, .shift = 1};
  int flips = 0;
  for (int64_t id = 0; id < 50; ++id) {
    const RandomStream stream(kSeed, RandomPurpose::kAugmentation, 0, 7, static_cast<uint32_t>(id));
    const auto draw = [&](uint64_t word, int64_t n) {
      return static_cast<int64_t>(stream.Word(word) * 0x1p-32 * static_cast<double>(2 * n + 1)) - n;
    };
    const bool flip = stream.Word(0) >= 0x80000000u;
    flips += flip;
    const auto expected = Moved([&](int64_t y, int64_t x) {
      const int64_t v = y + draw(1, 2), w = (flip ? kShape.width - 1 - x : x) + draw(2, 2);
      if (v < 0 || v >= kShape.height || w < 0 || w >= kShape.width) return Place(-1, -1);
      return Place(Reflect(v + draw(3, 1), kShape.height), Reflect(w + draw(4, 1), kShape.width));
    });
    ASSERT_EQ(Apply(augment, 7, id), expected) << id;
  }
  EXPECT_GT(flips, 10);
  EXPECT_LT(flips, 40);
}

TEST(AugmentTest, IsAFunctionOfSeedEpochAndSample) {
  const spec::Augment augment = {.flip = true, .crop = 4};
  std::set<Pixels> by_epoch, by_sample, by_seed;
  for (int64_t i = 0; i < 20; ++i) {
    EXPECT_EQ(Apply(augment, i, 3), Apply(augment, i, 3));
    by_epoch.insert(Apply(augment, i, 3));
    by_sample.insert(Apply(augment, 1, i));
    by_seed.insert(Apply(augment, 1, 3, static_cast<uint64_t>(i) << 32));
  }
  EXPECT_GT(by_epoch.size(), 10u);
  EXPECT_GT(by_sample.size(), 10u);
  EXPECT_GT(by_seed.size(), 10u);
}

// Persisted: a change here changes users' results.
TEST(AugmentTest, ThisImageIsThisForEver) {
  const spec::Shape square = {1, 4, 4};
  EXPECT_THAT(Apply({.flip = true, .crop = 1, .shift = 2}, 2, 11, kSeed, square),
              ElementsAreArray({12, 11, 10, 0, 16, 15, 14, 0, 16, 15, 14, 0, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace hebb::nn
