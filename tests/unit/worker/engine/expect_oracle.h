// SPDX-License-Identifier: Apache-2.0
// The engine under test beside the float64 oracle, as expectations of a test.
#ifndef HEBB_TESTS_UNIT_WORKER_ENGINE_EXPECT_ORACLE_H_
#define HEBB_TESTS_UNIT_WORKER_ENGINE_EXPECT_ORACLE_H_

#include "worker/engine/oracle/scene.h"

namespace hebb::engine {

// Runs the engine under test through the steps and compares every tensor after each.
void ExpectEqualsOracle(const OracleCase& c, const spec::Job& job, int steps = 1);

}  // namespace hebb::engine

#endif  // HEBB_TESTS_UNIT_WORKER_ENGINE_EXPECT_ORACLE_H_
