// SPDX-License-Identifier: Apache-2.0
// No memory is allocated in a step after the first: every allocation of the process is counted, by
// operator new and malloc. What is left are the few hundred bytes of bookkeeping that oneDNN makes
// for each primitive it runs, whose number must not grow and whose size must stay small.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/unit/worker/engine/harness.h"

namespace {

std::atomic<bool> g_counting{false};
std::atomic<long> g_count{0};
std::atomic<size_t> g_largest{0};

void Count(size_t size) {
  if (!g_counting.load(std::memory_order_relaxed)) return;
  g_count.fetch_add(1, std::memory_order_relaxed);
  size_t largest = g_largest.load();
  while (size > largest && !g_largest.compare_exchange_weak(largest, size)) {
  }
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they bring their own malloc
// glibc's allocator stays in charge; these only count on the way.
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
}
#endif

namespace hebb::engine {
namespace {

class AllocationTest : public testing::TestWithParam<spec::Propagate> {};

TEST_P(AllocationTest, StepsAfterTheFirstAllocateNoMemoryOfTheirOwn) {
  EngineSetup setup;
  setup.facts = {{3, 16, 16}, 10, 0, 0};
  setup.slices = 4;
  setup.threads = 2;
  setup.max_slice_rows = 10;
  setup.job.dataset.name = "cifar10";
  setup.job.learning.propagate = GetParam();
  setup.job.network.layers = {Conv("a", 16, 3),
                              Conv("b", 16, 3),
                              AddOf("s", {"a", "b"}),
                              Pool("p", 3, 2, spec::Ties::kFirst),
                              Drop("drop", 0.5),
                              Dense("d", 50),
                              Dense("out", 10, spec::Activation::kNone)};
  const auto engine = MakeEngine(setup);
  const RandomImages images(setup.facts, 38, 1);
  const auto cut = CutSlices(images.samples(), 4);
  std::vector<SliceTotals> totals(4);
  TreeSink sink(engine->parameters());
  long counts[6];
  for (long& count : counts) {
    g_count = 0;
    g_counting = &count != &counts[0];
    const absl::Status status = engine->ComputeUpdates({1, 0, 38}, cut, sink, totals);
    engine->Apply(sink.sums());
    g_counting = false;
    ASSERT_TRUE(status.ok()) << status;
    count = g_count;
  }
  EXPECT_LE(g_largest, 1024u) << "a step allocated a buffer";
  for (int step = 2; step < 6; ++step) EXPECT_EQ(counts[step], counts[1]) << "step " << step;
  std::printf("allocations in a step: %ld, largest %zu bytes\n", counts[5], g_largest.load());
}

INSTANTIATE_TEST_SUITE_P(Orders, AllocationTest,
                         testing::Values(spec::Propagate::kBeforeUpdate,
                                         spec::Propagate::kAfterUpdate),
                         [](const auto& test) {
                           return test.param == spec::Propagate::kBeforeUpdate ? "BeforeUpdate"
                                                                               : "AfterUpdate";
                         });

}  // namespace
}  // namespace hebb::engine
