// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/philox_mask.h"

#include "worker/device/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hebb::nn {
namespace {

// Salmon et al. 2011, table 2.
constexpr uint32_t kFactor0 = 0xD2511F53, kFactor1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

}  // namespace

HEBB_SIMD void PhiloxMaskBase(const PhiloxStart& start, uint32_t blocks, uint32_t limit,
                              uint8_t* above) {
  constexpr uint32_t kLanes = kPhiloxTogether;
  for (uint32_t block = 0; block < blocks; block += kLanes, above += 4 * kLanes) {
    uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
    for (uint32_t i = 0; i < kLanes; ++i) {
      c0[i] = start.counter[0] + block + i;
      c1[i] = start.counter[1];
      c2[i] = start.counter[2];
      c3[i] = start.counter[3];
    }
    uint32_t k0 = start.key[0], k1 = start.key[1];
    for (int round = 0; round < kRounds; ++round) {
      for (uint32_t i = 0; i < kLanes; ++i) {
        const uint64_t a = uint64_t{kFactor0} * c0[i];
        const uint64_t b = uint64_t{kFactor1} * c2[i];
        c0[i] = static_cast<uint32_t>(b >> 32) ^ c1[i] ^ k0;
        c1[i] = static_cast<uint32_t>(b);
        c2[i] = static_cast<uint32_t>(a >> 32) ^ c3[i] ^ k1;
        c3[i] = static_cast<uint32_t>(a);
      }
      k0 += kWeyl0;
      k1 += kWeyl1;
    }
    for (uint32_t i = 0; i < kLanes; ++i) {
      above[4 * i] = c0[i] > limit;
      above[4 * i + 1] = c1[i] > limit;
      above[4 * i + 2] = c2[i] > limit;
      above[4 * i + 3] = c3[i] > limit;
    }
  }
}

#if defined(__x86_64__)

// GCC 12 warns of its own headers' undefined registers (bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#define HEBB_PHILOX_TARGET [[gnu::target("avx512f,avx512bw,bmi2")]]

namespace {

// Eight blocks, one in each 64-bit lane; what the upper halves hold does not matter: the multiply
// takes the lower halves only.
struct EightBlocks {
  __m512i c0, c1, c2, c3;
};

HEBB_PHILOX_TARGET inline EightBlocks FirstEight(const PhiloxStart& start, uint32_t block) {
  const __m512i eight = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  return {_mm512_add_epi32(_mm512_set1_epi64(start.counter[0] + block), eight),
          _mm512_set1_epi64(start.counter[1]), _mm512_set1_epi64(start.counter[2]),
          _mm512_set1_epi64(start.counter[3])};
}

HEBB_PHILOX_TARGET inline void Round(__m512i k0, __m512i k1, EightBlocks& x) {
  constexpr int kXor3 = 0x96;
  const __m512i a = _mm512_mul_epu32(x.c0, _mm512_set1_epi64(kFactor0));
  const __m512i b = _mm512_mul_epu32(x.c2, _mm512_set1_epi64(kFactor1));
  x.c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(b, 32), x.c1, k0, kXor3);
  x.c1 = b;
  x.c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(a, 32), x.c3, k1, kXor3);
  x.c3 = a;
}

// One bit a word, in the order of the stream.
HEBB_PHILOX_TARGET inline uint64_t BitsAbove(const EightBlocks& x, __m512i limit) {
  constexpr __mmask16 kUpper = 0xAAAA;
  const __m512i first = _mm512_mask_blend_epi32(kUpper, x.c0, _mm512_slli_epi64(x.c1, 32));
  const __m512i second = _mm512_mask_blend_epi32(kUpper, x.c2, _mm512_slli_epi64(x.c3, 32));
  return _pdep_u64(_mm512_cmpgt_epu32_mask(first, limit), 0x33333333) |
         _pdep_u64(_mm512_cmpgt_epu32_mask(second, limit), 0xCCCCCCCC);
}

}  // namespace

HEBB_PHILOX_TARGET void PhiloxMaskAvx512(const PhiloxStart& start, uint32_t blocks, uint32_t limit,
                                         uint8_t* above) {
  const __m512i limits = _mm512_set1_epi32(static_cast<int>(limit));
  const __m512i ones = _mm512_set1_epi8(1);
  for (uint32_t block = 0; block < blocks; block += kPhiloxTogether) {
    EightBlocks x = FirstEight(start, block), y = FirstEight(start, block + 8);
    uint32_t k0 = start.key[0], k1 = start.key[1];
    for (int round = 0; round < kRounds; ++round, k0 += kWeyl0, k1 += kWeyl1) {
      const __m512i keys0 = _mm512_set1_epi64(k0), keys1 = _mm512_set1_epi64(k1);
      Round(keys0, keys1, x);
      Round(keys0, keys1, y);
    }
    const uint64_t bits = BitsAbove(x, limits) | BitsAbove(y, limits) << 32;
    _mm512_storeu_si512(above + int64_t{4} * block, _mm512_maskz_mov_epi8(bits, ones));
  }
}

#endif

PhiloxMaskLoop BestPhiloxMask() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("bmi2")) {
    return PhiloxMaskAvx512;
  }
#endif
  return PhiloxMaskBase;
}

}  // namespace hebb::nn
