// SPDX-License-Identifier: Apache-2.0
// Counts what a thread takes from the heap. Linking count_allocations.cc replaces operator new.
#ifndef HEBB_TESTS_UNIT_WORKER_TRAIN_COUNT_ALLOCATIONS_H_
#define HEBB_TESTS_UNIT_WORKER_TRAIN_COUNT_ALLOCATIONS_H_

#include <cstdint>

namespace hebb::train {

// By the calling thread, since it began.
int64_t AllocationsOfThisThread();

}  // namespace hebb::train

#endif  // HEBB_TESTS_UNIT_WORKER_TRAIN_COUNT_ALLOCATIONS_H_
