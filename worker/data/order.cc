// SPDX-License-Identifier: Apache-2.0
#include "worker/data/order.h"

#include <algorithm>
#include <numeric>

#include "common/check.h"
#include "common/random.h"

namespace hebb::data {
namespace {

// Uniform in [0, bound) from consecutive words of one stream, without bias: Lemire's
// multiply-and-shift ("Fast random integer generation in an interval", 2019), which rejects the
// few products that would make some results likelier.
class UniformDraws {
 public:
  explicit UniformDraws(const RandomStream& stream) : stream_(stream) {}

  uint32_t Below(uint32_t bound) {
    const uint32_t threshold = -bound % bound;
    while (true) {  // ends: fewer than half of all words are rejected
      const uint64_t product = uint64_t{NextWord()} * bound;
      if (static_cast<uint32_t>(product) >= threshold) return static_cast<uint32_t>(product >> 32);
    }
  }

 private:
  uint32_t NextWord() {
    if (next_ == words_.size()) {
      words_ = stream_.Block(block_++);
      next_ = 0;
    }
    return words_[next_++];
  }

  RandomStream stream_;
  std::array<uint32_t, 4> words_ = {};
  size_t next_ = 4;
  uint32_t block_ = 0;
};

}  // namespace

void FillEpochOrder(uint64_t seed, int64_t epoch, int64_t records, bool shuffle,
                    std::vector<int64_t>& order) {
  HEBB_CHECK(records >= 0 && records <= UINT32_MAX);
  order.resize(static_cast<size_t>(records));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!shuffle) return;
  UniformDraws draws(
      RandomStream(seed, RandomPurpose::kSampleOrder, 0, static_cast<uint32_t>(epoch), 0));
  for (int64_t i = records - 1; i > 0; --i) {  // Fisher-Yates
    std::swap(order[i], order[draws.Below(static_cast<uint32_t>(i + 1))]);
  }
}

std::pair<int64_t, int64_t> BatchRange(int64_t records, int64_t batch_size, int64_t step_in_epoch) {
  const int64_t begin = step_in_epoch * batch_size;
  HEBB_CHECK(batch_size > 0 && begin >= 0 && begin < records);
  return {begin, std::min(begin + batch_size, records)};
}

std::pair<int64_t, int64_t> SliceRows(int64_t rows, int64_t slices, int64_t slice) {
  HEBB_CHECK(rows >= 0 && slice >= 0 && slice < slices);
  const int64_t base = rows / slices;
  const int64_t larger = rows % slices;
  const int64_t begin = slice * base + std::min(slice, larger);
  return {begin, begin + base + (slice < larger ? 1 : 0)};
}

}  // namespace hebb::data
