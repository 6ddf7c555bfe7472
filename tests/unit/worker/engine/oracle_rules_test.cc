// SPDX-License-Identifier: Apache-2.0
// Several steps in a row of the engine against the float64 oracle, under every rule, option and
// optimizer setting, in both orders where both are allowed.
#include <gtest/gtest.h>

#include "tests/unit/worker/engine/expect_oracle.h"
#include "worker/engine/oracle/variants.h"

namespace hebb::engine {
namespace {

constexpr int kSteps = 4;

class OracleRulesTest : public testing::TestWithParam<Variant> {};

TEST_P(OracleRulesTest, StepsEqualOracle) {
  const Variant& variant = GetParam();
  for (const auto order : {spec::Propagate::kBeforeUpdate, spec::Propagate::kAfterUpdate}) {
    if (order == spec::Propagate::kAfterUpdate && !variant.both_orders) continue;
    SCOPED_TRACE(testing::Message()
                 << variant.network.name << ", order "
                 << (order == spec::Propagate::kAfterUpdate ? "after" : "before"));
    ExpectEqualsOracle(variant.network, JobOf(variant, order), kSteps);
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, OracleRulesTest, testing::ValuesIn(RuleVariants()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Options, OracleRulesTest, testing::ValuesIn(OptionVariants()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Clip, OracleRulesTest, testing::ValuesIn(ClipVariants()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Optimizer, OracleRulesTest, testing::ValuesIn(OptimizerVariants()),
                         [](const auto& test) { return test.param.name; });
INSTANTIATE_TEST_SUITE_P(Inputs, OracleRulesTest, testing::ValuesIn(InputVariants()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace hebb::engine
