// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/train/count_allocations.h"

#include <cstdlib>
#include <new>

namespace {
thread_local int64_t allocations = 0;
}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace hebb::train {

int64_t AllocationsOfThisThread() { return allocations; }

}  // namespace hebb::train
