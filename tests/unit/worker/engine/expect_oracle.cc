// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/engine/expect_oracle.h"

#include <gtest/gtest.h>

#include "tests/unit/worker/engine/harness.h"

namespace hebb::engine {

void ExpectEqualsOracle(const OracleCase& c, const spec::Job& job, int steps) {
  const absl::StatusOr<Scene> scene = DrawScene(c, job, CreateEngineUnderTest, 1, steps);
  ASSERT_TRUE(scene.ok()) << scene.status();
  for (size_t step = 0; step < static_cast<size_t>(steps); ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    const auto differences = CompareStep(*scene->engine, *scene, step);
    ASSERT_TRUE(differences.ok()) << differences.status();
    for (const Difference& difference : *differences) {
      EXPECT_LE(difference.relative, c.tolerance) << c.name << " " << difference.name;
    }
  }
}

}  // namespace hebb::engine
