// SPDX-License-Identifier: Apache-2.0
// Which outputs are kept to the end of a step, which are made again, and that no two share memory
// while both are read.
#include "worker/engine/plan_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {
namespace {

using spec::Activation;
using testing::ElementsAre;
using testing::IsEmpty;

Plan PlanOf(std::vector<spec::Layer> layers, spec::Rule rule = spec::Rule::kUrfb) {
  spec::Job job;
  job.dataset.name = "cifar10";
  job.network.layers = std::move(layers);
  job.learning.rule = rule;
  return MakePlan(job, {{3, 8, 8}, 10, 0, 0}).value();
}

std::vector<std::string> Kept(const Plan& plan) {
  std::vector<std::string> names;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    if (plan.keeps_output(static_cast<int>(i))) names.push_back(plan.layers[i].layer.name);
  }
  return names;
}

std::vector<std::string> RestoredBefore(const Plan& plan, const std::string& name) {
  std::vector<std::string> names;
  for (const PlannedLayer& planned : plan.layers) {
    if (planned.layer.name != name) continue;
    for (int restored : planned.restores) names.push_back(plan.layers[restored].layer.name);
  }
  return names;
}

spec::Layer Linear(const char* name) { return Conv(name, 4, 3, Activation::kNone); }

std::vector<spec::Layer> ResidualBlock() {
  return {Linear("conv0"),
          Norm("norm0", Activation::kRelu),
          Linear("a"),
          Norm("a_norm", Activation::kRelu),
          Linear("b"),
          Norm("b_norm"),
          AddOf("sum", {"b_norm", "norm0"}, Activation::kRelu),
          GlobalAvg("mean"),
          Dense("out", 10, Activation::kNone)};
}

TEST(PlanMemoryTest, ResidualBlockKeepsNoNormOutputThatOnlyItsPassReads) {
  const Plan plan = PlanOf(ResidualBlock());
  EXPECT_THAT(Kept(plan), ElementsAre("conv0", "norm0", "a", "b", "sum", "mean", "out"));
  EXPECT_THAT(RestoredBefore(plan, "b"), ElementsAre("a_norm"));
  EXPECT_THAT(RestoredBefore(plan, "sum"), IsEmpty());  // nobody reads b_norm on the way down
}

TEST(PlanMemoryTest, DirectFeedbackMakesNothingAgain) {
  const Plan plan = PlanOf(ResidualBlock(), spec::Rule::kDfa);
  EXPECT_THAT(Kept(plan), ElementsAre("conv0", "norm0", "a", "a_norm", "b", "sum", "mean", "out"));
  EXPECT_THAT(RestoredBefore(plan, "b"), IsEmpty());
}

TEST(PlanMemoryTest, RampsThatPassIntoAnAddAreNotKept) {
  const Plan plan = PlanOf({Conv("a", 4, 3), Conv("b", 4, 3), AddOf("s", {"a", "b"}),
                            AvgPoolOf("p", 2, 2), Dense("out", 10, Activation::kNone)});
  EXPECT_THAT(Kept(plan), ElementsAre("a", "p", "out"));  // b reads a
}

TEST(PlanMemoryTest, AMaxPoolThatComparesKeepsBothItsSides) {
  const auto layers = [](spec::Ties ties) -> std::vector<spec::Layer> {
    return {Conv("a", 4, 3), Pool("p", 2, 2, ties), GlobalAvg("g"),
            Dense("out", 10, Activation::kNone)};
  };
  EXPECT_THAT(Kept(PlanOf(layers(spec::Ties::kAll))), ElementsAre("a", "p", "g", "out"));
  EXPECT_THAT(Kept(PlanOf(layers(spec::Ties::kFirst))), ElementsAre("g", "out"));
}

TEST(PlanMemoryTest, OutputsShareMemoryOnlyOnceTheFirstIsRead) {
  const Plan plan =
      PlanOf({Conv("a", 4, 3), Conv("b", 4, 3), AvgPoolOf("q", 3, 1), AvgPoolOf("r", 3, 1),
              AddOf("s", {"b", "q", "r"}), AvgPoolOf("t", 3, 1), AvgPoolOf("u", 3, 1),
              AddOf("v", {"t", "u"}), AvgPoolOf("w", 3, 1), AddOf("x", {"u", "v", "w"}),
              GlobalAvg("g"), Dense("out", 10, Activation::kNone)});
  std::vector<int> last_reader(plan.layers.size(), -1);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    for (int input : plan.layers[i].resolved.inputs) {
      if (input >= 0) last_reader[input] = static_cast<int>(i);
    }
  }
  int shared = 0;
  for (int i = 0; i < static_cast<int>(plan.layers.size()); ++i) {
    for (int j = i + 1; j < static_cast<int>(plan.layers.size()); ++j) {
      if (plan.layers[i].output_slot != plan.layers[j].output_slot) continue;
      ++shared;
      EXPECT_FALSE(plan.keeps_output(i));
      EXPECT_LT(last_reader[i], j) << plan.layers[i].layer.name << plan.layers[j].layer.name;
    }
  }
  EXPECT_GT(shared, 0);
}

}  // namespace
}  // namespace hebb::engine
