// SPDX-License-Identifier: Apache-2.0
// An engine and its oracle side by side, on inputs far from every edge.
#ifndef HEBB_WORKER_ENGINE_ORACLE_SCENE_H_
#define HEBB_WORKER_ENGINE_ORACLE_SCENE_H_

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/engine/oracle/oracle.h"
#include "worker/engine/oracle/trial.h"

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
  spec::Job job;                   // with the seed that was drawn
  std::unique_ptr<Engine> engine;  // as before the first step
  std::unique_ptr<Oracle> oracle;  // the same
  // By step.
  std::vector<std::unique_ptr<RandomImages>> images;
  std::vector<StepContext> contexts;
  std::vector<OracleStep> expected;
};

// Epochs of two steps each, the rates halved from the second on. Tries `seed` and those after it,
// `draws` in all. NOT_FOUND: no draw is far from every edge. Else the maker's errors.
absl::StatusOr<Scene> DrawScene(const OracleCase& c, const spec::Job& job, const EngineMaker& make,
                                uint64_t seed, int steps = 1, uint64_t draws = 80);

// Another engine, in the state of the scene's before its first step.
absl::StatusOr<std::unique_ptr<Engine>> MakeForScene(const OracleCase& c, const Scene& scene,
                                                     const EngineMaker& make);

// How far a tensor, or "loss", is from what it should be.
struct Difference {
  std::string name;
  double relative = 0;  // to its change from the scene's start; infinity: of another shape, say
};

// Takes the scene's step with an engine that has taken those before, and compares all it has then.
// After several steps what float32 itself has rounded away of the values is no difference.
absl::StatusOr<std::vector<Difference>> CompareStep(Engine& engine, const Scene& scene,
                                                    size_t step);
// The same of two engines that have taken all steps of the scene.
std::vector<Difference> CompareWeights(const Engine& wanted, const Engine& got, const Scene& scene);

double LengthOf(const Doubles& values);
// Length of the error to length of what it should be; infinity where that is no number. REQUIRES:
// equal sizes.
double RelativeError(std::span<const float> got, const Doubles& exact);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_SCENE_H_
