// SPDX-License-Identifier: Apache-2.0
// The cost model by hand-counted examples, and its behaviour at the ends of its range.
#include "bench/cost_model.h"

#include <gtest/gtest.h>

#include "bench/job_files.h"
#include "worker/device/cpu_features.h"

namespace hebb::bench {
namespace {

constexpr ComputeRates kRates = {1e11, 1e10, 1e10};
constexpr Link kFast = {0, 0, 1e30};

NetworkCost Cost(const char* name, const std::vector<std::string>& sets = {}) {
  const auto job = LoadJob(name, sets);
  EXPECT_TRUE(job.ok()) << job.status();
  const auto cost = CostOf(*job, Operations::kPlainSums);
  EXPECT_TRUE(cost.ok()) << cost.status();
  return *cost;
}

TEST(CostModelTest, CountsOperationsAndWeightsOfSimple) {
  const NetworkCost cost = Cost("simple");
  // conv1: 75 inputs of each of 32 x 32 x 32 outputs, no feedback; dense1: 8192 x 500; out: 500
  // x 10.
  EXPECT_DOUBLE_EQ(cost.Flops(), 2.0 * (2 * 75 * 32768 + 3 * 8192 * 500 + 3 * 5000));
  EXPECT_DOUBLE_EQ(cost.Weights(), 75 * 32 + 8192 * 500 + 5000);
}

TEST(CostModelTest, UntyingMultipliesWeightsByPlacesAndNotOperations) {
  const NetworkCost tied = Cost("simple");
  const NetworkCost untied = Cost("simple_untied");
  EXPECT_DOUBLE_EQ(untied.Flops(), tied.Flops());
  EXPECT_DOUBLE_EQ(untied.Weights() - tied.Weights(), 75 * 32 * 1023);
}

TEST(CostModelTest, TheCpuMultipliesLessInConvolutionsOfThreeByThree) {
  const auto flops = [](const std::vector<std::string>& sets, Operations operations) {
    return CostOf(*LoadJob("B", sets), operations)->Flops();
  };
  // conv0a (16 to 16 channels, 32 x 32 places), conv2 (16 to 64, 11 x 11) and conv2a (64 to 64).
  const double places[] = {1024, 121, 121}, pairs[] = {16 * 16, 16 * 64, 64 * 64};
  double saved = 0;
  for (int i = 0; i < 3; ++i) saved += 3 * 2.0 * (36 - 16) / 4 * places[i] * pairs[i];
  const double plain = flops({}, Operations::kPlainSums);
  EXPECT_NEAR(flops({}, Operations::kCpuKernels), plain - (device::CpuHasAvx2() ? saved : 0), 1);
  EXPECT_EQ(flops({"learning.precision=bf16"}, Operations::kCpuKernels), plain);
}

TEST(CostModelTest, FeedbackWeightsAreWrittenOnlyWhereTheyLearn) {
  const NetworkCost urfb = Cost("simple");
  const NetworkCost bp = Cost("simple", {"learning.rule=bp"});
  EXPECT_EQ(urfb.layers[0].matrices, 1);  // conv1 sends nothing down
  EXPECT_EQ(urfb.layers[3].matrices, 2);  // dense1
  EXPECT_EQ(bp.layers[3].matrices, 1);
  EXPECT_GT(FloorSeconds(urfb, 500, kRates), FloorSeconds(bp, 500, kRates));
}

TEST(CostModelTest, FloorIsTheDearerOfOperationsAndBytes) {
  NetworkCost cost;
  cost.layers.push_back({.name = "a", .forward_flops = 1e9, .update_flops = 1e9, .weights = 100});
  EXPECT_NEAR(FloorSeconds(cost, 10, kRates), 0.2, 1e-6);
  cost.layers[0].weights = 1e9;  // read forward, written backward, read once more as G
  cost.layers[0].forward_flops = cost.layers[0].update_flops = 1;
  EXPECT_NEAR(FloorSeconds(cost, 10, kRates), 1.2, 1e-6);
}

TEST(CostModelTest, PredictionIsNeverBelowTheFloor) {
  for (const NamedJob& job : NamedJobs()) {
    const NetworkCost cost = Cost(job.name.c_str());
    for (const double rows : {1.0, 50.0, 500.0}) {
      EXPECT_GE(StepSeconds(cost, rows, kRates, 1, kFast), FloorSeconds(cost, rows, kRates))
          << job.name;
    }
  }
}

TEST(CostModelTest, SumsThatCostNothingLeaveTheStepAsItIs) {
  const NetworkCost cost = Cost("A");
  EXPECT_DOUBLE_EQ(StepSeconds(cost, 500, kRates, 64, kFast),
                   StepSeconds(cost, 500, kRates, 1, kFast));
}

TEST(CostModelTest, SumsAreHiddenBehindTheLayersBelow) {
  const NetworkCost cost = Cost("A");
  const Link link = {0, 0, 1e9};
  double sums = 0;
  for (const LayerCost& layer : cost.layers) {
    if (layer.weights > 0) sums += SumSeconds(layer.weights, 2, link);
  }
  const double more =
      StepSeconds(cost, 500, kRates, 2, link) - StepSeconds(cost, 500, kRates, 1, link);
  EXPECT_GT(more, 0);
  EXPECT_LT(more, 0.1 * sums);
}

TEST(CostModelTest, ASumSendsEachByteTwiceButForTheOwnShare) {
  EXPECT_DOUBLE_EQ(SumSeconds(1e6, 1, kFast), 0);
  EXPECT_NEAR(SumSeconds(1e6, 4, {0, 0, 1e6}), 2 * 0.75 * 4, 1e-9);
  EXPECT_NEAR(SumSeconds(1e6, 4, {1, 0.1, 1e30}), 2 * 1.2, 1e-9);
  EXPECT_NEAR(SumSeconds(10, 4, {1, 0.1, 1e30}), 1.2, 1e-9);  // in one round
}

}  // namespace
}  // namespace hebb::bench
