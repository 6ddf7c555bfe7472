// SPDX-License-Identifier: Apache-2.0
// Random yes and no for many units at once: words of a RandomStream (common/random.h) held against
// a limit, without a call for each block of words.
#ifndef HEBB_WORKER_NN_PHILOX_MASK_H_
#define HEBB_WORKER_NN_PHILOX_MASK_H_

#include <cstdint>

namespace hebb::nn {

// Where a stream begins: Philox4x32-10's key, and its counter of block 0.
struct PhiloxStart {
  uint32_t key[2];
  uint32_t counter[4];
};

inline constexpr uint32_t kPhiloxTogether = 16;  // blocks

// above[i] = 1 where word i of the stream is above `limit`, else 0, for the 4 * blocks first words.
// REQUIRES: blocks a multiple of kPhiloxTogether.
using PhiloxMaskLoop = void (*)(const PhiloxStart& start, uint32_t blocks, uint32_t limit,
                                uint8_t* above);

void PhiloxMaskBase(const PhiloxStart& start, uint32_t blocks, uint32_t limit, uint8_t* above);

// The fastest that this machine can run; all give the same. Thread-safe, like these.
PhiloxMaskLoop BestPhiloxMask();

#if defined(__x86_64__)
// REQUIRES: AVX2.
void PhiloxMaskAvx2(const PhiloxStart& start, uint32_t blocks, uint32_t limit, uint8_t* above);
// REQUIRES: AVX-512 (F, BW) and BMI2.
void PhiloxMaskAvx512(const PhiloxStart& start, uint32_t blocks, uint32_t limit, uint8_t* above);
#endif

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_PHILOX_MASK_H_
