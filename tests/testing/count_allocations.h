// SPDX-License-Identifier: Apache-2.0
// Counts what all threads of a test take from the heap and map for themselves. Linking
// count_allocations.cc puts it before glibc, which stays in charge; under sanitizers, which bring
// their own allocator, it counts nothing.
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

// Of the heap and of mappings, touched or not. Starts anywhere: for differences.
size_t BytesInUse();

}  // namespace hebb

#endif  // HEBB_TESTS_TESTING_COUNT_ALLOCATIONS_H_
