// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/augment.h"

#include <algorithm>
#include <array>

#include "common/check.h"
#include "common/random.h"

namespace hebb::nn {
namespace {

constexpr int64_t kMostSide = 1024;
constexpr int64_t kZero = -1;  // no place of the image

// Uniform in 0 .. n-1.
int64_t Below(int64_t n, uint32_t word) {
  return static_cast<int64_t>((static_cast<uint64_t>(word) * static_cast<uint64_t>(n)) >> 32);
}

// Position p of the endless image ... c b a | a b c | c b a ...
int64_t Reflect(int64_t p, int64_t n) {
  const int64_t around = (p % (2 * n) + 2 * n) % (2 * n);
  return around < n ? around : 2 * n - 1 - around;
}

// Along one axis: the pixel of the data set that each pixel shows, or kZero.
struct Axis {
  Axis(int64_t n, int64_t crop_by, int64_t shift_by) {
    for (int64_t i = 0; i < n; ++i) {
      const int64_t inside = i + crop_by;
      from[i] = inside < 0 || inside >= n ? kZero : Reflect(inside + shift_by, n);
    }
  }
  std::array<int64_t, kMostSide> from;
};

}  // namespace

Augmenter::Augmenter(const spec::Augment& augment, const spec::Shape& shape, uint64_t seed)
    : augment_(augment), shape_(shape), seed_(seed) {
  HEBB_CHECK(shape.height <= kMostSide && shape.width <= kMostSide);
}

Augmenter::Change Augmenter::Draw(int64_t epoch, int64_t id) const {
  const RandomStream stream(seed_, RandomPurpose::kAugmentation, 0, static_cast<uint32_t>(epoch),
                            static_cast<uint32_t>(id));
  const auto within = [&stream](int64_t most, uint64_t word) {
    return Below(2 * most + 1, stream.Word(word)) - most;
  };
  return {.crop_y = within(augment_.crop, 1),
          .crop_x = within(augment_.crop, 2),
          .shift_y = within(augment_.shift, 3),
          .shift_x = within(augment_.shift, 4),
          .flip = augment_.flip && stream.Word(0) >> 31 != 0};
}

void Augmenter::Apply(int64_t epoch, int64_t id, const uint8_t* pixels, uint8_t* augmented) const {
  if (!changes_images()) {
    std::copy_n(pixels, shape_.size(), augmented);
    return;
  }
  const Change change = Draw(epoch, id);
  const Axis rows(shape_.height, change.crop_y, change.shift_y);
  Axis columns(shape_.width, change.crop_x, change.shift_x);
  if (change.flip) std::reverse(columns.from.begin(), columns.from.begin() + shape_.width);
  for (int64_t c = 0; c < shape_.channels; ++c, pixels += shape_.height * shape_.width) {
    for (int64_t y = 0; y < shape_.height; ++y, augmented += shape_.width) {
      if (rows.from[y] == kZero) {
        std::fill_n(augmented, shape_.width, uint8_t{0});
        continue;
      }
      const uint8_t* from = pixels + rows.from[y] * shape_.width;
      for (int64_t x = 0; x < shape_.width; ++x) {
        augmented[x] = columns.from[x] == kZero ? uint8_t{0} : from[columns.from[x]];
      }
    }
  }
}

}  // namespace hebb::nn
