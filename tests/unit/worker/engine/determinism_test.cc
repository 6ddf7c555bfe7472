// SPDX-License-Identifier: Apache-2.0
// A slice's numbers depend on its own rows alone (design.md 5): the same bits for any number of
// threads, however the slices are dealt out to ranks, and whatever the engine is sized for.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"
#include "worker/slices/vector_fold.h"

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

void Bf16(spec::Job& job) { job.learning.precision = spec::Precision::kBf16; }

std::vector<Variant> Variants() {
  std::vector<Variant> variants = {
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
      {"DirectOfNorms",
       [](spec::Job& job) {
         job.learning.rule = spec::Rule::kDfa;
         job.network.layers = {Conv("a", 16, 3, spec::Activation::kNone),
                               Norm("n", spec::Activation::kTanh), Pool("p", 2, 2),
                               Conv("b", 16, 3), Dense("out", 10, spec::Activation::kNone)};
       }},
      {"Redrawn",
       [](spec::Job& job) {
         AddOtherLayers(job);
         job.learning.rule = spec::Rule::kBrsf;
       }},
  };
  if (CheckCpuPrecision(spec::Precision::kBf16).ok()) {
    variants.push_back({"Bf16", Bf16});
    variants.push_back({"Bf16OfOtherLayersAfterUpdate", [](spec::Job& job) {
                          Bf16(job);
                          AddOtherLayers(job);
                          AfterUpdate(job);
                        }});
  }
  return variants;
}

// Copies every node, and answers WaitForSum with the sums of the whole gang.
class NodeSink : public SumSink {
 public:
  NodeSink(const Engine& engine, const std::vector<std::vector<float>>& gang_sums)
      : infos_(engine.sums()), memory_(engine.memory()), nodes(infos_.size()) {
    for (const std::vector<float>& sum : gang_sums) {
      gang_sums_.emplace_back(memory_, sum.size());
      EXPECT_TRUE(memory_.FromHost(sum, gang_sums_.back().data()).ok());
    }
  }

  absl::Status Ready(int sum, std::span<const float* const> ready) override {
    for (const float* node : ready) {
      nodes[sum].emplace_back(infos_[sum].size);
      EXPECT_TRUE(memory_.ToHost(node, nodes[sum].back()).ok());
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override {
    return gang_sums_[sum].span();
  }
  std::vector<std::span<const float>> gang_sums() const {
    std::vector<std::span<const float>> sums;
    for (const slices::OwnedVector& sum : gang_sums_) sums.push_back(sum.span());
    return sums;
  }

 private:
  const std::span<const SumInfo> infos_;
  slices::VectorMemory& memory_;
  std::vector<slices::OwnedVector> gang_sums_;

 public:
  std::vector<std::vector<std::vector<float>>> nodes;  // [sum][node]
};

struct Nodes {
  slices::SliceRange owned;
  std::vector<std::vector<std::vector<float>>> updates;  // [sum][node]
  std::vector<SliceTotals> totals;
};

// The nodes of the batch's slices `owned`, as a rank that owns them computes them.
Nodes Compute(EngineSetup setup, int threads, slices::SliceRange owned, int64_t max_slice_rows,
              const std::vector<std::vector<float>>& gang_sums) {
  setup.threads = threads;
  setup.owned = owned;
  setup.max_slice_rows = max_slice_rows;
  const RandomImages images(setup.facts, kBatch, 1);
  const auto cut = CutSlices(images.samples(), kSlices);
  const std::unique_ptr<Engine> engine = MakeEngine(setup);
  Nodes nodes;
  nodes.owned = owned;
  nodes.totals.resize(owned.size());
  NodeSink sink(*engine, gang_sums);
  const absl::Status status = engine->ComputeUpdates(
      {5, 2, kBatch}, std::span(cut).subspan(owned.begin, owned.size()), sink, nodes.totals);
  EXPECT_TRUE(status.ok()) << status;
  nodes.updates = std::move(sink.nodes);
  return nodes;
}

// What the ranks' nodes make together.
std::vector<std::vector<float>> RootsOf(const std::vector<Nodes>& ranks) {
  std::vector<slices::SliceRange> ranges;
  for (const Nodes& rank : ranks) {
    for (const auto& node : slices::MaximalNodes(kSlices, rank.owned)) ranges.push_back(node);
  }
  const slices::SliceRange all = {0, kSlices};
  slices::VectorFold fold(slices::Fold({&all, 1}, ranges));
  std::vector<std::vector<float>> roots;
  for (size_t sum = 0; sum < ranks[0].updates.size(); ++sum) {
    std::vector<const float*> inputs;
    for (const Nodes& rank : ranks) {
      for (const auto& node : rank.updates[sum]) inputs.push_back(node.data());
    }
    roots.emplace_back(ranks[0].updates[sum][0].size());
    float* const root = roots.back().data();
    fold.Run(inputs, {&root, 1}, roots.back().size());
  }
  return roots;
}

std::vector<std::vector<float>> GangSums(const EngineSetup& setup) {
  const RandomImages images(setup.facts, kBatch, 1);
  return RunStep(*MakeEngine(setup), {5, 2, kBatch}, images.samples(), kSlices).sums;
}

void ExpectSameBits(const std::vector<Nodes>& ranks, const Nodes& whole) {
  const auto roots = RootsOf(ranks);
  for (size_t sum = 0; sum < roots.size(); ++sum) {
    EXPECT_TRUE(SameBits(roots[sum], whole.updates[sum][0])) << "sum " << sum;
  }
  for (const Nodes& rank : ranks) {
    for (size_t i = 0; i < rank.totals.size(); ++i) {
      EXPECT_EQ(rank.totals[i].loss, whole.totals[rank.owned.begin + i].loss);
      EXPECT_EQ(rank.totals[i].correct, whole.totals[rank.owned.begin + i].correct);
    }
  }
}

constexpr slices::SliceRange kAll = {0, kSlices};

class DeterminismTest : public testing::TestWithParam<Variant> {};

TEST_P(DeterminismTest, AnyNumberOfThreadsGivesTheSameBits) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto sums = GangSums(setup);
  const Nodes one = Compute(setup, 1, kAll, 10, sums);
  for (int threads : {2, 3, 7}) {
    ExpectSameBits({Compute(setup, threads, kAll, 10, sums)}, one);
  }
}

TEST_P(DeterminismTest, AnyDealOfSlicesGivesTheSameBits) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto sums = GangSums(setup);
  const Nodes whole = Compute(setup, 2, kAll, 10, sums);
  for (int split = 1; split < kSlices; ++split) {
    ExpectSameBits(
        {Compute(setup, 2, {0, split}, 10, sums), Compute(setup, 2, {split, kSlices}, 10, sums)},
        whole);
  }
}

TEST_P(DeterminismTest, TheSizeOfTheEngineDoesNotMatter) {
  const EngineSetup setup = SetupFor(GetParam());
  const auto sums = GangSums(setup);
  ExpectSameBits({Compute(setup, 2, kAll, 500, sums)}, Compute(setup, 2, kAll, 10, sums));
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

// An engine goes over to other slices of the batch as if it had been made for them.
TEST_P(DeterminismTest, AnEngineFittedAnewGoesOnWithTheSameBits) {
  EngineSetup setup = SetupFor(GetParam());
  const RandomImages images(setup.facts, kBatch, 1);
  const StepContext context = {.seed = 5, .batch_size = kBatch};
  const auto whole = MakeEngine(setup);
  setup.owned = {0, 1};
  setup.max_slice_rows = 1;
  const auto fitted = MakeEngine(setup);
  for (int step = 0; step < 2; ++step) {
    ASSERT_TRUE(fitted->Fit({kSlices, kAll, kBatch - step}).ok());
    const StepResult a = RunStep(*whole, context, images.samples(), kSlices);
    const StepResult b = RunStep(*fitted, context, images.samples(), kSlices);
    ASSERT_TRUE(b.status.ok()) << b.status;
    EXPECT_EQ(a.sums, b.sums);
    EXPECT_EQ(TensorsOf(*whole), TensorsOf(*fitted));
  }
}

// Two ranks that step together have the weights that one has alone.
TEST_P(DeterminismTest, RanksThatStepTogetherKeepTheSameWeights) {
  EngineSetup setup = SetupFor(GetParam());
  const auto alone = MakeEngine(setup);
  std::unique_ptr<Engine> ranks[2];
  for (int rank = 0; rank < 2; ++rank) {
    setup.owned = slices::SlicesOfRank(kSlices, rank, 2);
    ranks[rank] = MakeEngine(setup);
  }
  std::deque<RandomImages> of_steps;
  for (int step = 0; step < 3; ++step) {
    const RandomImages& images = of_steps.emplace_back(setup.facts, kBatch, 10 + step);
    const StepContext context = {.seed = 5, .epoch = 1, .batch_size = kBatch, .step = step};
    const auto cut = CutSlices(images.samples(), kSlices);
    const StepResult whole = RunStep(*alone, context, images.samples(), kSlices);
    ASSERT_TRUE(whole.status.ok()) << whole.status;
    for (int rank = 0; rank < 2; ++rank) {
      NodeSink sink(*ranks[rank], whole.sums);
      std::vector<SliceTotals> totals(kSlices / 2);
      ASSERT_TRUE(ranks[rank]
                      ->ComputeUpdates(context,
                                       std::span(cut).subspan(rank * kSlices / 2, kSlices / 2),
                                       sink, totals)
                      .ok());
      ranks[rank]->Apply(context, sink.gang_sums());
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
  std::deque<RandomImages> of_steps;  // an engine may remember records by their addresses
  for (int64_t step = 0; step < 7; ++step) {
    const RandomImages& images =
        of_steps.emplace_back(setup.facts, kBatch, 20 + static_cast<uint64_t>(step));
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
