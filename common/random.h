// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011, from Random123).
//
// Every draw of a run is a pure function of (seed, purpose, layer, epoch, sample, index): never of
// rank, thread or history. That is what makes a run independent of the number of workers and
// exactly resumable, because there is no generator state to keep.
#ifndef HEBB_COMMON_RANDOM_H_
#define HEBB_COMMON_RANDOM_H_

#include <Random123/philox.h>

#include <array>
#include <cstdint>

namespace hebb {

// Part of the key, so that streams of different use never meet. Values are persisted in results:
// append, never renumber.
enum class RandomPurpose : uint32_t {
  kWeight = 1,
  kFeedback = 2,
  kSampleOrder = 3,
  kDropout = 4,
  kGlyphs = 5,
  kConnectivity = 6,
  kAugmentation = 7,
  kBias = 8,
  kMirror = 9,
  kFeedbackMagnitude = 10,
  kSweep = 11,
};

// One stream of 32-bit words, addressed by block; a value, cheap to make and to copy.
class RandomStream {
 public:
  // `layer`: the layer's index in the job file's order, below 2^24; 0 where it has no meaning.
  RandomStream(uint64_t seed, RandomPurpose purpose, uint32_t layer, uint32_t epoch,
               uint32_t sample)
      : key_{{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}},
        sample_(sample),
        epoch_(epoch),
        purpose_layer_(static_cast<uint32_t>(purpose) << 24 | layer) {}

  // Words 4*block .. 4*block+3 of the stream.
  std::array<uint32_t, 4> Block(uint32_t block) const {
    const r123::Philox4x32::ctr_type counter = {{block, sample_, epoch_, purpose_layer_}};
    const r123::Philox4x32::ctr_type words = r123::Philox4x32()(counter, key_);
    return {words[0], words[1], words[2], words[3]};
  }

  uint32_t Word(uint64_t index) const { return Block(static_cast<uint32_t>(index / 4))[index % 4]; }

  // Uniform in [0, 1) with 24 bits: exact in float32.
  static float ToUnit(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

 private:
  r123::Philox4x32::key_type key_;
  uint32_t sample_;
  uint32_t epoch_;
  uint32_t purpose_layer_;
};

}  // namespace hebb

#endif  // HEBB_COMMON_RANDOM_H_
