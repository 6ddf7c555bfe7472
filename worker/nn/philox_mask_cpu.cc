// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/philox_mask.h"

#include "worker/device/cpu_features.h"
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

#define HEBB_PHILOX_AVX2 [[gnu::target("avx2")]]
#define HEBB_PHILOX_AVX512 [[gnu::target("avx512f,avx512bw,bmi2")]]

namespace {

// Four blocks, one in each 64-bit lane, the first two in the even ones. The upper halves as below.
struct FourBlocks {
  __m256i c0, c1, c2, c3;
};

HEBB_PHILOX_AVX2 inline FourBlocks FirstFour(const PhiloxStart& start, uint32_t block) {
  const __m256i four = _mm256_set_epi64x(3, 1, 2, 0);
  return {_mm256_add_epi32(_mm256_set1_epi64x(start.counter[0] + block), four),
          _mm256_set1_epi64x(start.counter[1]), _mm256_set1_epi64x(start.counter[2]),
          _mm256_set1_epi64x(start.counter[3])};
}

HEBB_PHILOX_AVX2 inline void Round(__m256i k0, __m256i k1, FourBlocks& x) {
  const __m256i a = _mm256_mul_epu32(x.c0, _mm256_set1_epi64x(kFactor0));
  const __m256i b = _mm256_mul_epu32(x.c2, _mm256_set1_epi64x(kFactor1));
  x.c0 = _mm256_xor_si256(_mm256_srli_epi64(b, 32), _mm256_xor_si256(x.c1, k0));
  x.c1 = b;
  x.c2 = _mm256_xor_si256(_mm256_srli_epi64(a, 32), _mm256_xor_si256(x.c3, k1));
  x.c3 = a;
}

// -1 or 0 in 16 bits a word: blocks 0, 2 and 1, 3.
HEBB_PHILOX_AVX2 inline __m256i WordsAbove(const FourBlocks& x, __m256i signed_limit) {
  constexpr int kUpper = 0xAA;
  const __m256i sign = _mm256_set1_epi32(static_cast<int>(0x80000000));
  const __m256i first = _mm256_blend_epi32(x.c0, _mm256_slli_epi64(x.c1, 32), kUpper);
  const __m256i second = _mm256_blend_epi32(x.c2, _mm256_slli_epi64(x.c3, 32), kUpper);
  const __m256i low = _mm256_unpacklo_epi64(first, second);
  const __m256i high = _mm256_unpackhi_epi64(first, second);
  return _mm256_packs_epi32(_mm256_cmpgt_epi32(_mm256_xor_si256(low, sign), signed_limit),
                            _mm256_cmpgt_epi32(_mm256_xor_si256(high, sign), signed_limit));
}

// Eight blocks, one in each 64-bit lane; what the upper halves hold does not matter: the multiply
// takes the lower halves only.
struct EightBlocks {
  __m512i c0, c1, c2, c3;
};

HEBB_PHILOX_AVX512 inline EightBlocks FirstEight(const PhiloxStart& start, uint32_t block) {
  const __m512i eight = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  return {_mm512_add_epi32(_mm512_set1_epi64(start.counter[0] + block), eight),
          _mm512_set1_epi64(start.counter[1]), _mm512_set1_epi64(start.counter[2]),
          _mm512_set1_epi64(start.counter[3])};
}

HEBB_PHILOX_AVX512 inline void Round(__m512i k0, __m512i k1, EightBlocks& x) {
  constexpr int kXor3 = 0x96;
  const __m512i a = _mm512_mul_epu32(x.c0, _mm512_set1_epi64(kFactor0));
  const __m512i b = _mm512_mul_epu32(x.c2, _mm512_set1_epi64(kFactor1));
  x.c0 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(b, 32), x.c1, k0, kXor3);
  x.c1 = b;
  x.c2 = _mm512_ternarylogic_epi64(_mm512_srli_epi64(a, 32), x.c3, k1, kXor3);
  x.c3 = a;
}

// One bit a word, in the order of the stream.
HEBB_PHILOX_AVX512 inline uint64_t BitsAbove(const EightBlocks& x, __m512i limit) {
  constexpr __mmask16 kUpper = 0xAAAA;
  const __m512i first = _mm512_mask_blend_epi32(kUpper, x.c0, _mm512_slli_epi64(x.c1, 32));
  const __m512i second = _mm512_mask_blend_epi32(kUpper, x.c2, _mm512_slli_epi64(x.c3, 32));
  return _pdep_u64(_mm512_cmpgt_epu32_mask(first, limit), 0x33333333) |
         _pdep_u64(_mm512_cmpgt_epu32_mask(second, limit), 0xCCCCCCCC);
}

}  // namespace

HEBB_PHILOX_AVX2 void PhiloxMaskAvx2(const PhiloxStart& start, uint32_t blocks, uint32_t limit,
                                     uint8_t* above) {
  constexpr uint32_t kTogether = 8;
  static_assert(kPhiloxTogether % kTogether == 0);
  const __m256i signed_limit = _mm256_set1_epi32(static_cast<int>(limit ^ 0x80000000));
  const __m256i in_order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
  const __m256i ones = _mm256_set1_epi8(1);
  for (uint32_t block = 0; block < blocks; block += kTogether) {
    FourBlocks x = FirstFour(start, block), y = FirstFour(start, block + 4);
    uint32_t k0 = start.key[0], k1 = start.key[1];
    for (int round = 0; round < kRounds; ++round, k0 += kWeyl0, k1 += kWeyl1) {
      const __m256i keys0 = _mm256_set1_epi64x(k0), keys1 = _mm256_set1_epi64x(k1);
      Round(keys0, keys1, x);
      Round(keys0, keys1, y);
    }
    const __m256i bytes =
        _mm256_packs_epi16(WordsAbove(x, signed_limit), WordsAbove(y, signed_limit));
    const __m256i words = _mm256_permutevar8x32_epi32(bytes, in_order);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(above + int64_t{4} * block),
                        _mm256_and_si256(words, ones));
  }
}

HEBB_PHILOX_AVX512 void PhiloxMaskAvx512(const PhiloxStart& start, uint32_t blocks, uint32_t limit,
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
  if (device::CpuHasAvx512()) return PhiloxMaskAvx512;
  if (device::CpuHasAvx2()) return PhiloxMaskAvx2;
#endif
  return PhiloxMaskBase;
}

}  // namespace hebb::nn
