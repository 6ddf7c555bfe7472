// SPDX-License-Identifier: Apache-2.0
// Counts what all threads of a test take from the heap. Linking count_allocations.cc puts it before
// glibc's allocator, which stays in charge; under sanitizers, which bring their own, it counts
// nothing.
#ifndef HEBB_TESTS_TESTING_COUNT_ALLOCATIONS_H_
#define HEBB_TESTS_TESTING_COUNT_ALLOCATIONS_H_

#include <cstddef>

namespace hebb {

struct Allocations {
  long count = 0;
  long buffers = 0;    // of more than 1 KiB; below are records of locks and of libraries
  size_t largest = 0;  // bytes
};

// Counts from here on, anew.
void StartCountingAllocations();

// Ends it.
Allocations StopCountingAllocations();

}  // namespace hebb

#endif  // HEBB_TESTS_TESTING_COUNT_ALLOCATIONS_H_
