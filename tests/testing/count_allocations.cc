// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/count_allocations.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace {

constexpr size_t kBuffer = 1024;
// Mappings below this size are made for records of locks, not for buffers (worker/device).
constexpr size_t kLeastMapping = size_t{2} << 20;

std::atomic<bool> counting{false};
std::atomic<long> count{0};
std::atomic<long> buffers{0};
std::atomic<size_t> largest{0};
std::atomic<size_t> mapped{0};  // bytes, over the life of the process

[[maybe_unused]] void Count(size_t size) {
  if (!counting.load(std::memory_order_relaxed)) return;
  count.fetch_add(1, std::memory_order_relaxed);
  if (size > kBuffer) buffers.fetch_add(1, std::memory_order_relaxed);
  size_t before = largest.load();
  while (size > before && !largest.compare_exchange_weak(before, size)) {
  }
}

}  // namespace

#if !defined(HEBB_SANITIZED)
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void* malloc(size_t size) {
  Count(size);
  return __libc_malloc(size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count(size);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  Count(size);
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? 12 : 0;
}
void* mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) {
  if (size >= kLeastMapping) Count(size);
  mapped.fetch_add(size, std::memory_order_relaxed);
  return reinterpret_cast<void*>(syscall(SYS_mmap, address, size, protection, flags, file, offset));
}
int munmap(void* address, size_t size) {
  mapped.fetch_sub(size, std::memory_order_relaxed);
  return static_cast<int>(syscall(SYS_munmap, address, size));
}
}
#endif

namespace hebb {

void StartCountingAllocations() {
  count = 0;
  buffers = 0;
  largest = 0;
  counting = true;
}

Allocations StopCountingAllocations() {
  counting = false;
  return {count, buffers, largest};
}

size_t BytesInUse() {
  const struct mallinfo2 all = mallinfo2();
  return all.uordblks + all.hblkhd + mapped;
}

}  // namespace hebb
