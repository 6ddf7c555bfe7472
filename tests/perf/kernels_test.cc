// SPDX-License-Identifier: Apache-2.0
// The kernels keep their share of what the machine can do: whole training steps of networks that
// are all one kind of layer, on one thread, against a large product (or reads from memory) measured
// between the steps. The bounds are half of the usual shares and less: they catch a fall to a
// scalar path, whatever else the machine is doing.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/cost_model.h"
#include "bench/local_gang.h"
#include "bench/machine.h"
#include "common/spec/parse.h"

namespace hebb::bench {
namespace {

struct Case {
  const char* name;
  const char* layers;
  int batch;
  double floor_share;  // at least, of bench/cost_model.h's floor
};

// The floor counts operations and, for large weights, bytes: the untied layer is bound by memory.
const Case kCases[] = {
    {"Convolution3x3",
     "    - {name: conv1, conv: {filters: 64, kernel: 3}}\n"
     "    - {name: conv2, conv: {filters: 64, kernel: 3}}\n"
     "    - {name: pool, max_pool: {size: 8}}\n",
     32, 0.4},
    {"Convolution5x5",
     "    - {name: conv1, conv: {filters: 32, kernel: 5}}\n"
     "    - {name: conv2, conv: {filters: 32, kernel: 5}}\n"
     "    - {name: pool, max_pool: {size: 8}}\n",
     32, 0.4},
    {"Dense",
     "    - {name: dense1, dense: {units: 1024}}\n    - {name: dense2, dense: {units: 1024}}\n",
     512, 0.3},
    {"Untied",
     "    - {name: pool, max_pool: {size: 2}}\n"
     "    - {name: conv1, conv: {filters: 32, kernel: 3, untied: true}}\n"
     "    - {name: conv2, conv: {filters: 32, kernel: 3, untied: true}}\n",
     64, 0.2},
    // Pools and dropout have no floor of their own; beside a convolution with few channels they
    // were three times its time where their loops had fallen to single numbers.
    {"PoolAndDropout",
     "    - {name: conv1, conv: {filters: 32, kernel: 5}}\n"
     "    - {name: pool, max_pool: {size: 3, stride: 2}}\n"
     "    - {name: drop, dropout: {rate: 0.5}}\n",
     64, 0.3},
};

std::string JobFile(const Case& test) {
  return absl::StrCat("name: kernels\ndataset: {name: cifar10}\nnetwork:\n  layers:\n", test.layers,
                      "    - {name: out, dense: {units: 10, activation: none}}\n"
                      "learning: {rule: urfb, epochs: 1, batch_size: ",
                      test.batch, "}\n");
}

class KernelsTest : public ::testing::TestWithParam<Case> {};

TEST_P(KernelsTest, KeepTheirShareOfTheFloor) {
  const auto job = spec::ParseJob(JobFile(GetParam()), "kernels.yaml", {});
  ASSERT_TRUE(job.ok()) << job.status();
  const auto cost = CostOf(*job, Operations::kCpuKernels);
  ASSERT_TRUE(cost.ok()) << cost.status();
  Sgemm sgemm(1);
  const MemoryRates memory = MeasureMemory(1, size_t{64} << 20, 3);
  // Each step is compared with the product right after it, so that a change of the machine's speed
  // meets both.
  std::vector<double> shares;
  const auto seconds =
      TimeSteps(*job, {.ranks = 1, .threads = 1}, 9, [&](const train::StepReport& report) {
        const double step = report.total_seconds();
        const ComputeRates rates = {sgemm.Measure(), memory.read, memory.fill};
        shares.push_back(FloorSeconds(*cost, GetParam().batch, rates) / step);
      });
  ASSERT_TRUE(seconds.ok()) << seconds.status();
  const double share = Median(shares);
  RecordProperty("share", absl::StrCat(share));
  std::printf("share of the floor: %.2f, at least %.2f\n", share, GetParam().floor_share);
  EXPECT_GE(share, GetParam().floor_share);
}

INSTANTIATE_TEST_SUITE_P(All, KernelsTest, ::testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace hebb::bench
