// SPDX-License-Identifier: Apache-2.0
// Philox4x32-10 (Salmon et al. 2011): the words of a RandomStream (common/random.h), made on the
// device. A test holds the two against each other.
#ifndef HEBB_WORKER_GPU_KERNELS_PHILOX_H_
#define HEBB_WORKER_GPU_KERNELS_PHILOX_H_

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

// A stream but for the block: RandomStream's key, and words 1 to 3 of its counter.
struct Stream {
  uint32_t seed_low, seed_high;
  uint32_t purpose_layer;
};

// Word `index` of the stream of (epoch, sample).
HEBB_DEVICE uint32_t RandomWord(const Stream& stream, uint32_t epoch, uint32_t sample,
                                Index index) {
  uint32_t c[4] = {index / 4, sample, epoch, stream.purpose_layer};
  uint32_t k0 = stream.seed_low, k1 = stream.seed_high;
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53u} * c[0];
    const uint64_t b = uint64_t{0xCD9E8D57u} * c[2];
    const uint32_t next0 = static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0;
    const uint32_t next2 = static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1;
    c[1] = static_cast<uint32_t>(b);
    c[3] = static_cast<uint32_t>(a);
    c[0] = next0;
    c[2] = next2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const Index lane = index % 4;
  return lane == 0 ? c[0] : lane == 1 ? c[1] : lane == 2 ? c[2] : c[3];
}

// Uniform in [0, 1) with 24 bits.
HEBB_DEVICE float UnitOf(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_PHILOX_H_
