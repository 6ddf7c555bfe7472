// SPDX-License-Identifier: Apache-2.0
// No memory is allocated in a step after the first: every allocation of the process is counted, by
// operator new, malloc and mmap. What is left are the few hundred bytes of bookkeeping that oneDNN
// makes for each primitive it runs, whose number must not grow and whose size must stay small. And
// what the weights take is counted: W, R and their update once each, also while they are written.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "common/byte_output.h"
#include "common/weights/tensor_source.h"
#include "tests/testing/count_allocations.h"
#include "tests/unit/worker/engine/harness.h"

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
  AloneSink sink(*engine);
  size_t largest = 0;
  long counts[6];
  for (int step = 0; step < 6; ++step) {
    StepContext context = {.seed = 1, .batch_size = 38, .step = step};
    context.first_of_epoch = step % 3 == 0;
    context.last_of_epoch = step % 3 == 2;
    StartCountingAllocations();
    const absl::Status status = engine->ComputeUpdates(context, cut, sink, totals);
    engine->Apply(context, sink.sums());
    const Allocations made = StopCountingAllocations();
    ASSERT_TRUE(status.ok()) << status;
    counts[step] = made.count;
    if (step > 0) largest = std::max(largest, made.largest);
  }
  EXPECT_LE(largest, 1024u) << "a step allocated a buffer";
  // A thread that waits for a lock for the first time makes its one record of it.
  constexpr long kWaits = 3;
  for (int step = 2; step < 6; ++step) {
    EXPECT_LE(counts[step], counts[1] + kWaits) << "step " << step;
  }
  std::printf("allocations in a step: %ld, largest %zu bytes\n", counts[5], largest);
}

INSTANTIATE_TEST_SUITE_P(Variants, AllocationTest, testing::ValuesIn(Variants()),
                         [](const auto& test) { return test.param.name; });

#if !defined(HEBB_SANITIZED)  // whose allocators tell nothing
// Keeps nothing, and looks at each piece how much memory is in use.
class Watching final : public ByteOutput {
 public:
  absl::Status Append(absl::string_view) override {
    most = std::max(most, BytesInUse());
    return absl::OkStatus();
  }
  absl::Status Overwrite(size_t, absl::string_view) override { return absl::OkStatus(); }
  size_t most = 0;
};

TEST(WeightsMemoryTest, EachMatrixIsThereOnceAndIsWrittenWithoutASecondCopyOfAll) {
  EngineSetup setup;
  setup.facts = {{3, 32, 32}, 10, 0, 0};
  setup.slices = 2;
  setup.max_slice_rows = 2;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {Dense("a", 2000), Dense("b", 3072),
                              Dense("out", 10, spec::Activation::kNone)};
  constexpr size_t kMatrix = size_t{3072} * 2000 * sizeof(float);  // of `a` and of `b`
  constexpr size_t kBesides = size_t{24} << 20;  // each buffer begins at a huge page
  const size_t before = BytesInUse();
  const auto engine = MakeEngine(setup);
  const size_t made = BytesInUse();
  EXPECT_LE(made - before, 3 * 2 * kMatrix + kBesides);
  Watching output;
  ASSERT_TRUE(weights::Write(engine->Tensors(), {}, output).ok());
  EXPECT_LE(output.most - made, kMatrix + kMatrix / 2);

  // Taken over from elsewhere they need no copy of all, either.
  size_t most = 0;
  const std::vector<weights::Tensor> tensors = engine->Export();
  const size_t exported = BytesInUse();
  std::vector<weights::TensorSource> sources = weights::SourcesOf(tensors);
  for (weights::TensorSource& source : sources) {
    source.read = [&most, read = source.read](std::span<float> values) {
      read(values);
      most = std::max(most, BytesInUse());
    };
  }
  ASSERT_TRUE(engine->Import(sources).ok());
  EXPECT_LE(most - exported, kMatrix + kMatrix / 2);
}
#endif

}  // namespace
}  // namespace hebb::engine
