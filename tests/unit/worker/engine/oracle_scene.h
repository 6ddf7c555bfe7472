// SPDX-License-Identifier: Apache-2.0
// An engine and its oracle side by side, on inputs far from every edge.
#ifndef HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_SCENE_H_
#define HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_SCENE_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/unit/worker/engine/harness.h"
#include "tests/unit/worker/engine/oracle.h"

namespace hebb::engine {

constexpr int64_t kSceneRows = 5;
constexpr int kSceneSlices = 3;

// A network and what is to be done with it.
struct OracleCase {
  std::string name;
  std::vector<spec::Layer> layers;
  spec::DatasetFacts facts = {{2, 7, 7}, 4, 0, 0};
  float scale = 3;  // of the initial weights: units are to saturate
  // Relative, of each tensor's change (design.md 5).
  double tolerance = 1e-5;
};

inline void PrintTo(const OracleCase& c, std::ostream* out) { *out << c.name; }

spec::Job JobOf(const OracleCase& c, spec::Rule rule, spec::Loss loss = spec::Hinge{1.0},
                spec::Propagate propagate = spec::Propagate::kBeforeUpdate);

struct Scene {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Oracle> oracle;                     // as before the first step
  std::vector<std::unique_ptr<RandomImages>> images;  // by step
  std::vector<StepContext> contexts;
  std::vector<OracleStep> expected;
};

// Epochs of two steps each, the rates halved from the second on.
Scene DrawScene(const OracleCase& c, spec::Job job, int steps = 1);

// Runs the engine through the steps and compares every tensor after each.
void ExpectEqualsOracle(const OracleCase& c, const spec::Job& job, int steps = 1);

double LengthOf(const Doubles& values);

}  // namespace hebb::engine

#endif  // HEBB_TESTS_UNIT_WORKER_ENGINE_ORACLE_SCENE_H_
