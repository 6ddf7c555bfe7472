// SPDX-License-Identifier: Apache-2.0
// Who trains on what, when: pure index arithmetic, the same on every rank.
#ifndef HEBB_WORKER_DATA_ORDER_H_
#define HEBB_WORKER_DATA_ORDER_H_

#include <cstdint>
#include <utility>
#include <vector>

namespace hebb::data {

// The order of `records` samples in `epoch`: a permutation that depends on (seed, epoch) alone;
// the identity if !shuffle. Fills `order` in place, so that its memory is reused.
void FillEpochOrder(uint64_t seed, int64_t epoch, int64_t records, bool shuffle,
                    std::vector<int64_t>& order);

// [begin, end) in the epoch's order of step `step_in_epoch`'s batch.
std::pair<int64_t, int64_t> BatchRange(int64_t records, int64_t batch_size, int64_t step_in_epoch);

// [begin, end) of slice `slice` of `slices` within a batch of `rows`: contiguous, the first
// (rows mod slices) one row larger. A short batch may leave slices empty.
std::pair<int64_t, int64_t> SliceRows(int64_t rows, int64_t slices, int64_t slice);

}  // namespace hebb::data

#endif  // HEBB_WORKER_DATA_ORDER_H_
