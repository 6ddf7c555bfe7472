// SPDX-License-Identifier: Apache-2.0
// A slice's numbers depend on its own rows alone (design.md 5): the same bits for any number of
// threads, however the slices are dealt out to ranks, and whatever the engine is sized for.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

constexpr int kSlices = 4;
constexpr int64_t kBatch = 39;  // slices of 10, 10, 10 and 9 rows

struct Variant {
  std::string name;
  std::function<void(spec::Job&)> change;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

EngineSetup SetupFor(const Variant& variant) {
  EngineSetup setup;
  setup.facts = {{3, 12, 12}, 10, 0, 0};
  setup.slices = kSlices;
  setup.max_slice_rows = 10;
  setup.job.seed = 5;
  setup.job.dataset.name = "cifar10";
  setup.job.network.layers = {
      Conv("a", 16, 5), Conv("b", 16, 3),  AddOf("s", {"a", "b"}),
      Pool("p", 3, 2),  Drop("drop", 0.5), Conv("e", 20, 2),
      Pool("q", 2, 2),  Dense("d", 50),    Dense("out", 10, spec::Activation::kNone)};
  variant.change(setup.job);
  return setup;
}

void AfterUpdate(spec::Job& job) { job.learning.propagate = spec::Propagate::kAfterUpdate; }

// Every kind of layer that the paper's network has not.
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
}

std::vector<Variant> Variants() {
  return {
      {"BeforeUpdate", [](spec::Job&) {}},
      {"AfterUpdate", AfterUpdate},
      {"OtherLayers", AddOtherLayers},
      {"OtherLayersAfterUpdate",
       [](spec::Job& job) {
         AddOtherLayers(job);
         AfterUpdate(job);
       }},
      {"Mirrors", [](spec::Job& job) { job.learning.rule = spec::Rule::kWeightMirror; }},
      {"MirrorsOfOtherLayers",
       [](spec::Job& job) {
         AddOtherLayers(job);
         job.learning.rule = spec::Rule::kWeightMirror;
       }},
      {"Asymmetric",
       [](spec::Job& job) {
         AddOtherLayers(job);
         job.learning.rule_options.asymmetric = true;
         job.learning.optimizer.momentum = 0.9;
         job.learning.optimizer.clip_norm = 0.1;
       }},
      {"Direct", [](spec::Job& job) { job.learning.rule = spec::Rule::kDfa; }},
      {"Redrawn",
       [](spec::Job& job) {
         AddOtherLayers(job);
         job.learning.rule = spec::Rule::kBrsf;
       }},
  };
}

// Copies every leaf, and answers WaitForSum with the sums of the whole gang.
class LeafSink : public SumSink {
 public:
  LeafSink(std::span<const SumInfo> infos, std::vector<std::vector<float>> gang_sums)
      : infos_(infos), gang_sums_(std::move(gang_sums)), leaves(infos.size()) {}

  absl::Status Ready(int sum, std::span<const float* const> ready) override {
    for (const float* leaf : ready) {
      leaves[sum].emplace_back(leaf, leaf + infos_[sum].size);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override { return gang_sums_[sum]; }

 private:
  std::span<const SumInfo> infos_;
  std::vector<std::vector<float>> gang_sums_;

 public:
  std::vector<std::vector<std::vector<float>>> leaves;  // [sum][slice]
};

struct Leaves {
  std::vector<std::vector<std::vector<float>>> updates;  // [sum][slice]
  std::vector<SliceTotals> totals;
};

// The leaves of slices [begin, end) of the batch, as a rank that owns them computes them.
Leaves Compute(EngineSetup setup, int threads, int begin, int end, int64_t max_slice_rows,
               const std::vector<std::vector<float>>& gang_sums) {
  setup.threads = threads;
  setup.slices = end - begin;
  setup.max_slice_rows = max_slice_rows;
  const RandomImages images(setup.facts, kBatch, 1);
  const auto cut = CutSlices(images.samples(), kSlices);
  const std::unique_ptr<Engine> engine = MakeEngine(setup);
  Leaves leaves;
  leaves.totals.resize(end - begin);
  LeafSink sink(engine->sums(), gang_sums);
  const absl::Status status = engine->ComputeUpdates(
      {5, 2, kBatch}, std::span(cut).subspan(begin, end - begin), sink, leaves.totals);
  EXPECT_TRUE(status.ok()) << status;
  leaves.updates = std::move(sink.leaves);
  return leaves;
}

std::vector<std::vector<float>> GangSums(const EngineSetup& setup) {
  const RandomImages images(setup.facts, kBatch, 1);
  return RunStep(*MakeEngine(setup), {5, 2, kBatch}, images.samples(), kSlices).sums;
}

void ExpectSameBits(const Leaves& part, int begin, const Leaves& whole) {
  for (size_t p = 0; p < whole.updates.size(); ++p) {
    for (size_t i = 0; i < part.updates[p].size(); ++i) {
      const std::vector<float>& a = part.updates[p][i];
      const std::vector<float>& b = whole.updates[p][begin + i];
      ASSERT_EQ(a.size(), b.size());
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0)
          << "sum " << p << ", slice " << begin + i;
    }
  }
  for (size_t i = 0; i < part.totals.size(); ++i) {
    EXPECT_EQ(part.totals[i].loss, whole.totals[begin + i].loss);
    EXPECT_EQ(part.totals[i].correct, whole.totals[begin + i].correct);
  }
}

class DeterminismTest : public testing::TestWithParam<Variant> {};

TEST_P(DeterminismTest, AnyNumberOfThreadsGivesTheSameBits) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto sums = GangSums(setup);
  const Leaves one = Compute(setup, 1, 0, kSlices, 10, sums);
  for (int threads : {2, 3, 7}) {
    ExpectSameBits(Compute(setup, threads, 0, kSlices, 10, sums), 0, one);
  }
}

TEST_P(DeterminismTest, AnyDealOfSlicesGivesTheSameBits) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto sums = GangSums(setup);
  const Leaves whole = Compute(setup, 2, 0, kSlices, 10, sums);
  for (int split = 1; split < kSlices; ++split) {
    ExpectSameBits(Compute(setup, 2, 0, split, 10, sums), 0, whole);
    ExpectSameBits(Compute(setup, 2, split, kSlices, 10, sums), split, whole);
  }
}

TEST_P(DeterminismTest, TheSizeOfTheEngineDoesNotMatter) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto sums = GangSums(setup);
  ExpectSameBits(Compute(setup, 2, 0, kSlices, 500, sums), 0,
                 Compute(setup, 2, 0, kSlices, 10, sums));
}

// What ran before must not matter: other numbers of rows, an evaluation, another step.
TEST_P(DeterminismTest, HistoryDoesNotMatter) {
  const EngineSetup setup = SetupFor(GetParam());
  const RandomImages images(setup.facts, kBatch, 1), others(setup.facts, 23, 2);
  const auto fresh = MakeEngine(setup), used = MakeEngine(setup);
  const auto start = used->Export();
  ASSERT_TRUE(RunStep(*used, {5, 1, 23}, others.samples(), kSlices).status.ok());
  ASSERT_TRUE(used->Evaluate(others.samples()).ok());
  ASSERT_TRUE(used->Import(start).ok());
  const StepResult a = RunStep(*fresh, {5, 2, kBatch}, images.samples(), kSlices);
  const StepResult b = RunStep(*used, {5, 2, kBatch}, images.samples(), kSlices);
  EXPECT_EQ(a.sums, b.sums);
  EXPECT_EQ(TensorsOf(*fresh), TensorsOf(*used));
}

// Two ranks that step together have the weights that one has alone.
TEST_P(DeterminismTest, RanksThatStepTogetherKeepTheSameWeights) {
  EngineSetup setup = SetupFor(GetParam());
  const auto alone = MakeEngine(setup);
  setup.slices = kSlices / 2;
  const std::unique_ptr<Engine> ranks[2] = {MakeEngine(setup), MakeEngine(setup)};
  for (int step = 0; step < 3; ++step) {
    const RandomImages images(setup.facts, kBatch, 10 + step);
    const StepContext context = {.seed = 5, .epoch = 1, .batch_size = kBatch, .step = step};
    const auto cut = CutSlices(images.samples(), kSlices);
    const StepResult whole = RunStep(*alone, context, images.samples(), kSlices);
    ASSERT_TRUE(whole.status.ok()) << whole.status;
    for (int rank = 0; rank < 2; ++rank) {
      LeafSink sink(ranks[rank]->sums(), whole.sums);
      std::vector<SliceTotals> totals(kSlices / 2);
      ASSERT_TRUE(ranks[rank]
                      ->ComputeUpdates(context,
                                       std::span(cut).subspan(rank * kSlices / 2, kSlices / 2),
                                       sink, totals)
                      .ok());
      std::vector<std::span<const float>> sums(whole.sums.begin(), whole.sums.end());
      ranks[rank]->Apply(context, sums);
      EXPECT_EQ(TensorsOf(*ranks[rank]), TensorsOf(*alone)) << "rank " << rank << " step " << step;
    }
  }
}

// A last batch smaller than the slices leaves some of them without samples.
TEST_P(DeterminismTest, SlicesWithoutSamplesChangeNothing) {
  EngineSetup setup = SetupFor(GetParam());
  setup.slices = 3;
  const auto three = MakeEngine(setup);
  setup.slices = 2;
  const auto two = MakeEngine(setup);
  const RandomImages images(setup.facts, 2, 3), others(setup.facts, 30, 4);
  const StepContext context = {.seed = 5, .batch_size = 2};
  // A step with samples everywhere leaves its parts behind.
  const auto start = three->Export();
  ASSERT_TRUE(RunStep(*three, {.seed = 5, .batch_size = 30}, others.samples(), 3).status.ok());
  ASSERT_TRUE(three->Import(start).ok());
  const StepResult a = RunStep(*three, context, images.samples(), 3);
  const StepResult b = RunStep(*two, context, images.samples(), 2);
  ASSERT_TRUE(a.status.ok()) << a.status;
  EXPECT_EQ(a.sums, b.sums);
  EXPECT_EQ(TensorsOf(*three), TensorsOf(*two));
}

// Whoever takes over in the middle of an epoch goes on with the same bits.
TEST_P(DeterminismTest, AnEngineThatTakesOverGoesOnAsTheOneBeforeIt) {
  EngineSetup setup = SetupFor(GetParam());
  const bool after = setup.job.learning.propagate == spec::Propagate::kAfterUpdate;
  if (!after) setup.job.learning.rule_options.feedback_lag = spec::FeedbackLag::kEpoch;
  setup.job.learning.rule_options.clip_untied = true;
  setup.job.learning.optimizer.momentum = 0.9;
  const auto context = [](int64_t step) {
    StepContext made = {.seed = 5, .epoch = step / 3, .batch_size = kBatch, .step = step};
    made.first_of_epoch = step % 3 == 0;
    made.last_of_epoch = step % 3 == 2;
    return made;
  };
  const auto before = MakeEngine(setup);
  for (int64_t step = 0; step < 7; ++step) {
    const RandomImages images(setup.facts, kBatch, 20 + static_cast<uint64_t>(step));
    const auto heir = MakeEngine(setup);
    ASSERT_TRUE(heir->Import(before->Export()).ok());
    const StepResult a = RunStep(*before, context(step), images.samples(), kSlices);
    const StepResult b = RunStep(*heir, context(step), images.samples(), kSlices);
    ASSERT_TRUE(a.status.ok()) << a.status;
    EXPECT_EQ(a.sums, b.sums) << "step " << step;
    EXPECT_EQ(TensorsOf(*before), TensorsOf(*heir)) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, DeterminismTest, testing::ValuesIn(Variants()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hebb::engine
