// SPDX-License-Identifier: Apache-2.0
// No memory is allocated in a step after the first: every allocation of the process is counted, by
// operator new and malloc. What is left are the few hundred bytes of bookkeeping that oneDNN makes
// for each primitive it runs, whose number must not grow and whose size must stay small.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <ostream>
#include <string>
#include <vector>

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

struct Variant {
  std::string name;
  std::function<void(spec::Job&)> change;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

void AfterUpdate(spec::Job& job) { job.learning.propagate = spec::Propagate::kAfterUpdate; }

void AddOtherLayers(spec::Job& job) {
  const auto none = spec::Activation::kNone;
  job.network.layers = {Strided(Conv("a", 16, 3, none, spec::Padding::kSymmetric), 2),
                        Norm("n", spec::Activation::kRelu),
                        Sparse(Biased(Untied("b", 16, 3)), 0.5),
                        Norm("m", none, spec::Statistics::kSlice),
                        AddOf("s", {"n", "m"}, spec::Activation::kRamp),
                        AvgPoolOf("q", 2, 2),
                        Biased(Conv("e", 20, 2)),
                        GlobalAvg("g"),
                        Sparse(Biased(Dense("d", 50)), 0.5),
                        Norm("l"),
                        Biased(Dense("out", 10, none))};
  job.learning.optimizer.momentum = 0.9;
  job.learning.optimizer.weight_decay = 0.01;
}

std::vector<Variant> Variants() {
  const auto rule = [](spec::Rule which) {
    return [which](spec::Job& job) {
      AddOtherLayers(job);
      job.learning.rule = which;
      job.learning.optimizer.clip_norm = 1;
      job.learning.rule_options.clip_untied = true;
      job.learning.rule_options.feedback_lag = spec::FeedbackLag::kEpoch;
    };
  };
  return {
      {"BeforeUpdate", [](spec::Job&) {}},
      {"AfterUpdate", AfterUpdate},
      {"OtherLayersAfterUpdate",
       [](spec::Job& job) {
         AddOtherLayers(job);
         AfterUpdate(job);
       }},
      {"Urfb", rule(spec::Rule::kUrfb)},
      {"Mirrors", rule(spec::Rule::kWeightMirror)},
      {"Redrawn",
       [rule](spec::Job& job) {
         rule(spec::Rule::kBrsf)(job);
         job.learning.rule_options.feedback_lag = spec::FeedbackLag::kStep;  // else by epoch
       }},
      {"Asymmetric",
       [rule](spec::Job& job) {
         rule(spec::Rule::kUrfbSign)(job);
         job.learning.rule_options.asymmetric = true;
       }},
      {"Direct", [](spec::Job& job) { job.learning.rule = spec::Rule::kDfa; }},
  };
}

class AllocationTest : public testing::TestWithParam<Variant> {};

TEST_P(AllocationTest, StepsAfterTheFirstAllocateNoMemoryOfTheirOwn) {
  EngineSetup setup;
  setup.facts = {{3, 16, 16}, 10, 0, 0};
  setup.slices = 4;
  setup.threads = 2;
  setup.max_slice_rows = 10;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {Conv("a", 16, 3),
                              Conv("b", 16, 3),
                              AddOf("s", {"a", "b"}),
                              Pool("p", 3, 2, spec::Ties::kFirst),
                              Drop("drop", 0.5),
                              Dense("d", 50),
                              Dense("out", 10, spec::Activation::kNone)};
  GetParam().change(setup.job);
  const auto engine = MakeEngine(setup);
  const RandomImages images(setup.facts, 38, 1);
  const auto cut = CutSlices(images.samples(), 4);
  std::vector<SliceTotals> totals(4);
  TreeSink sink(engine->sums());
  g_largest = 0;
  long counts[6];
  for (int step = 0; step < 6; ++step) {
    StepContext context = {.seed = 1, .batch_size = 38, .step = step};
    context.first_of_epoch = step % 3 == 0;
    context.last_of_epoch = step % 3 == 2;
    g_count = 0;
    g_counting = step > 0;
    const absl::Status status = engine->ComputeUpdates(context, cut, sink, totals);
    engine->Apply(context, sink.sums());
    g_counting = false;
    ASSERT_TRUE(status.ok()) << status;
    counts[step] = g_count;
  }
  EXPECT_LE(g_largest, 1024u) << "a step allocated a buffer";
  // A thread that waits for a lock for the first time makes its one record of it.
  constexpr long kWaits = 3;
  for (int step = 2; step < 6; ++step) {
    EXPECT_LE(counts[step], counts[1] + kWaits) << "step " << step;
  }
  std::printf("allocations in a step: %ld, largest %zu bytes\n", counts[5], g_largest.load());
}

INSTANTIATE_TEST_SUITE_P(Variants, AllocationTest, testing::ValuesIn(Variants()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hebb::engine
