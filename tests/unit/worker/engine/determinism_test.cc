// SPDX-License-Identifier: Apache-2.0
// A slice's numbers depend on its own rows alone (design.md 5): the same bits for any number of
// threads, however the slices are dealt out to ranks, and whatever the engine is sized for.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

constexpr int kSlices = 4;
constexpr int64_t kBatch = 39;  // slices of 10, 10, 10 and 9 rows

EngineSetup SetupFor(spec::Propagate propagate) {
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
  setup.job.learning.propagate = propagate;
  return setup;
}

// Copies every leaf, and answers WaitForSum with the sums of the whole gang.
class LeafSink : public UpdateSink {
 public:
  LeafSink(std::span<const ParameterInfo> infos, std::vector<std::vector<float>> gang_sums)
      : infos_(infos), gang_sums_(std::move(gang_sums)), leaves(infos.size()) {}

  absl::Status LayerReady(int parameter, std::span<const float* const> ready) override {
    for (const float* leaf : ready) {
      leaves[parameter].emplace_back(leaf, leaf + infos_[parameter].size);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::span<const float>> WaitForSum(int parameter) override {
    return gang_sums_[parameter];
  }

 private:
  std::span<const ParameterInfo> infos_;
  std::vector<std::vector<float>> gang_sums_;

 public:
  std::vector<std::vector<std::vector<float>>> leaves;  // [parameter][slice]
};

struct Leaves {
  std::vector<std::vector<std::vector<float>>> updates;  // [parameter][slice]
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
  LeafSink sink(engine->parameters(), gang_sums);
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
          << "parameter " << p << ", slice " << begin + i;
    }
  }
  for (size_t i = 0; i < part.totals.size(); ++i) {
    EXPECT_EQ(part.totals[i].loss, whole.totals[begin + i].loss);
    EXPECT_EQ(part.totals[i].correct, whole.totals[begin + i].correct);
  }
}

class DeterminismTest : public testing::TestWithParam<spec::Propagate> {};

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

INSTANTIATE_TEST_SUITE_P(Orders, DeterminismTest,
                         testing::Values(spec::Propagate::kBeforeUpdate,
                                         spec::Propagate::kAfterUpdate),
                         [](const auto& test) {
                           return test.param == spec::Propagate::kBeforeUpdate ? "BeforeUpdate"
                                                                               : "AfterUpdate";
                         });

}  // namespace
}  // namespace hebb::engine
