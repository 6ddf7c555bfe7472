// SPDX-License-Identifier: Apache-2.0
#include "worker/device/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace hebb::device {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;

size_t RoundUp(size_t bytes, size_t unit) {
  const size_t rounded = (bytes + unit - 1) / unit * unit;
  if (rounded < bytes) throw std::bad_alloc();
  return rounded;
}

// Sanitizers watch over the borders of what comes from the heap.
#if defined(HEBB_SANITIZED)
constexpr bool kMapsLargeOnes = false;
#else
constexpr bool kMapsLargeOnes = true;
#endif

bool IsMapped(size_t bytes) { return kMapsLargeOnes && bytes >= kHugePage; }

// Straight from the system, which gives zeros page by page as they are first touched: by the thread
// that needs them, and none that nobody needs.
void* Map(size_t bytes) {
  const size_t rounded = RoundUp(bytes, kHugePage);
  const size_t with_margin = RoundUp(rounded + 1, kHugePage);
  void* const memory =
      mmap(nullptr, with_margin, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t aligned = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const size_t before = aligned - begin, after = with_margin - rounded - before;
  if (before > 0) munmap(memory, before);
  if (after > 0) munmap(reinterpret_cast<void*>(aligned + rounded), after);
  // Only advice: without huge pages the same numbers come out, more slowly.
  (void)madvise(reinterpret_cast<void*>(aligned), rounded, MADV_HUGEPAGE);
  return reinterpret_cast<void*>(aligned);
}

}  // namespace

void* AllocateAligned(size_t bytes) {
  if (IsMapped(bytes)) return Map(bytes);
  const size_t alignment = bytes >= kHugePage ? kHugePage : kPage;
  const size_t rounded = RoundUp(bytes == 0 ? 1 : bytes, alignment);
  void* const memory = std::aligned_alloc(alignment, rounded);
  if (memory == nullptr) throw std::bad_alloc();
  std::memset(memory, 0, rounded);
  return memory;
}

void FreeAligned::operator()(void* memory) const {
  if (!IsMapped(bytes)) return std::free(memory);
  munmap(memory, RoundUp(bytes, kHugePage));
}

}  // namespace hebb::device
