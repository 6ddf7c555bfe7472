// SPDX-License-Identifier: Apache-2.0
// The oracle's eye: how a training image is looked at, and what numbers its bytes become.
#include <utility>

#include "common/random.h"
#include "worker/engine/oracle/run.h"

namespace hebb::engine {
namespace {

// The words of one sample's stream, in an epoch (worker/nn/augment.h says what each decides).
struct Look {
  int64_t crop_y, crop_x, shift_y, shift_x;
  bool flip;
};

Look LookOf(const spec::Job& job, const StepContext& context, const Sample& sample) {
  const spec::Augment& augment = job.dataset.augment;
  const RandomStream stream(job.seed, RandomPurpose::kAugmentation, 0,
                            static_cast<uint32_t>(context.epoch), static_cast<uint32_t>(sample.id));
  const auto within = [&stream](int64_t most, uint64_t word) {
    const auto choices = static_cast<uint64_t>(2 * most + 1);
    return static_cast<int64_t>(stream.Word(word) * choices / (uint64_t{1} << 32)) - most;
  };
  return {within(augment.crop, 1), within(augment.crop, 2), within(augment.shift, 3),
          within(augment.shift, 4), augment.flip && stream.Word(0) >= 0x80000000u};
}

// Walks from the border back in, as often as it must: c b a | a b c | c b a.
int64_t Reflected(int64_t at, int64_t size) {
  while (at < 0 || at >= size) at = at < 0 ? -1 - at : 2 * size - 1 - at;
  return at;
}

}  // namespace

Doubles ImageOf(const spec::Job& job, const spec::Shape& image, const StepContext& context,
                const Sample& sample, bool training) {
  const Look look = training ? LookOf(job, context, sample) : Look{0, 0, 0, 0, /*flip=*/false};
  const spec::PixelMoments scaling = spec::ScalingOf(job.dataset).value();
  Doubles seen;
  for (int64_t c = 0; c < image.channels; ++c)
    for (int64_t y = 0; y < image.height; ++y)
      for (int64_t x = 0; x < image.width; ++x) {
        // From the last change to the first: turned around, cut out, moved.
        const int64_t yy = y + look.crop_y;
        const int64_t xx = (look.flip ? image.width - 1 - x : x) + look.crop_x;
        const bool inside = yy >= 0 && yy < image.height && xx >= 0 && xx < image.width;
        const int64_t from =
            (c * image.height + Reflected(yy + look.shift_y, image.height)) * image.width +
            Reflected(xx + look.shift_x, image.width);
        const double pixel = inside ? sample.pixels[from] : 0;
        seen.push_back((pixel / 255 - scaling.mean[c]) / scaling.deviation[c]);
      }
  return seen;
}

}  // namespace hebb::engine
