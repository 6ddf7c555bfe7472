// SPDX-License-Identifier: Apache-2.0
// The random masks are those of the random stream, in every way to compute them.
#include "worker/nn/philox_mask.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/random.h"

namespace hebb::nn {
namespace {

constexpr uint64_t kSeed = 0x923456789abcdef;
constexpr uint32_t kBlocks = 5 * kPhiloxTogether;

void ExpectWordsOfStream(PhiloxMaskLoop loop) {
  for (uint32_t sample : {0u, 1u, 4000000000u}) {
    for (uint32_t limit : {0u, 0x4CCCCCFFu, 0x80000000u, 0xFFFFFFFFu}) {
      const RandomStream stream(kSeed, RandomPurpose::kDropout, 9, 7, sample);
      std::vector<uint8_t> above(4 * kBlocks, 99);
      loop({{static_cast<uint32_t>(kSeed), static_cast<uint32_t>(kSeed >> 32)},
            {0, sample, 7, static_cast<uint32_t>(RandomPurpose::kDropout) << 24 | 9}},
           kBlocks, limit, above.data());
      for (size_t i = 0; i < above.size(); ++i) {
        ASSERT_EQ(above[i], stream.Word(i) > limit) << i << " " << sample << " " << limit;
      }
    }
  }
}

TEST(PhiloxMaskTest, PlainLoopGivesTheWordsOfTheStream) { ExpectWordsOfStream(PhiloxMaskBase); }

#if defined(__x86_64__)
TEST(PhiloxMaskTest, Avx2LoopGivesTheWordsOfTheStream) {
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "no AVX2 here";
  ExpectWordsOfStream(PhiloxMaskAvx2);
}
#endif

TEST(PhiloxMaskTest, BestLoopGivesTheWordsOfTheStream) { ExpectWordsOfStream(BestPhiloxMask()); }

}  // namespace
}  // namespace hebb::nn
