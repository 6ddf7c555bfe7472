// SPDX-License-Identifier: Apache-2.0
// Runs of one seed are pairs, whatever their rule: W starts as the same bits under every rule, and
// R under every rule that has one. (The sample order depends on seed and epoch alone:
// worker/data/order_test.)
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

std::map<std::string, std::vector<float>> StartWeights(spec::Rule rule, uint64_t seed) {
  EngineSetup setup;
  setup.facts = {{3, 12, 12}, 10, 0, 0};
  setup.job.seed = seed;
  setup.job.dataset.name = "cifar10";
  setup.job.learning.rule = rule;
  setup.job.network.layers = {Conv("conv", 8, 3), Pool("pool", 2, 2), Dense("dense", 20),
                              Dense("out", 10, spec::Activation::kNone)};
  return TensorsOf(*MakeEngine(setup));
}

TEST(PairingTest, StartWeightsDependOnTheSeedAndNotOnTheRule) {
  const auto bp = StartWeights(spec::Rule::kBp, 7);
  ASSERT_EQ(bp.size(), 3u) << "W of three layers";
  for (const spec::Rule rule : {spec::Rule::kFrfb, spec::Rule::kUrfb}) {
    const auto other = StartWeights(rule, 7);
    EXPECT_GT(other.size(), bp.size()) << "R comes with it";
    for (const auto& [name, values] : bp) EXPECT_EQ(other.at(name), values) << name;
  }
  EXPECT_EQ(StartWeights(spec::Rule::kFrfb, 7), StartWeights(spec::Rule::kUrfb, 7));
  for (const auto& [name, values] : StartWeights(spec::Rule::kBp, 8))
    EXPECT_NE(bp.at(name), values);
}

}  // namespace
}  // namespace hebb::engine
