// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/scene.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hebb::engine {
namespace {

constexpr double kEdge = 1e-5;
// A channel that is all but constant is normalised by its own rounding errors.
constexpr double kSpread = 0.03;

bool HasNorm(const OracleCase& c) {
  return std::any_of(c.layers.begin(), c.layers.end(), [](const spec::Layer& layer) {
    return std::holds_alternative<spec::BatchNorm>(layer.op);
  });
}

StepContext ContextOf(const OracleCase& c, uint64_t seed, int step, int steps) {
  StepContext context;
  context.seed = seed;
  context.epoch = 3 + step / 2;
  // Other ranks hold two rows more; statistics of those would be missing here.
  context.batch_size = HasNorm(c) ? kSceneRows : kSceneRows + 2;
  context.step = 6 + step;
  context.rate_factor = step < 2 ? 1.0 : 0.5;
  context.first_of_epoch = step % 2 == 0;
  context.last_of_epoch = step % 2 == 1 || steps == 1;
  return context;
}

// Beside a tolerance: after several steps, what float32 itself has rounded away of the values.
double RoundingOf(const Scene& scene, size_t step) {
  return scene.expected.size() == 1 ? 0.0 : (static_cast<double>(step) + 1) * 0x1p-24;
}

// `start`: null for what begins at 0.
double Apart(const Doubles& want, const Doubles& got, const Doubles* start, double rounding,
             bool may_vanish) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (got.size() != want.size()) return kInfinity;
  Doubles change = want, error(want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    error[i] = got[i] - want[i];
    if (start == nullptr) continue;
    change[i] -= (*start)[i];
    const bool removed = may_vanish && (*start)[i] == 0 && want[i] == 0;
    if (removed && got[i] != 0) return kInfinity;
  }
  const double apart = LengthOf(error) - rounding * LengthOf(want), length = LengthOf(change);
  if (!std::isfinite(LengthOf(error))) return kInfinity;
  if (apart <= 0) return 0;
  return length > 0 ? apart / length : kInfinity;
}

std::vector<Difference> CompareTensors(const DoublesByName& wanted, const Engine& engine,
                                       const Scene& scene, size_t step) {
  const DoublesByName& start = scene.oracle->weights();
  std::vector<Difference> differences;
  DoublesByName missing = wanted;
  for (const auto& [name, values] : TensorsOf(engine)) {
    missing.erase(name);
    const auto want = wanted.find(name);
    const auto old = start.find(name);
    const double apart = want == wanted.end()
                             ? std::numeric_limits<double>::infinity()
                             : Apart(want->second, Doubles(values.begin(), values.end()),
                                     old == start.end() ? nullptr : &old->second,
                                     RoundingOf(scene, step), !name.starts_with("optimizer/"));
    differences.push_back({name, apart});
  }
  for (const auto& [name, values] : missing) {
    differences.push_back({name + " (missing)", std::numeric_limits<double>::infinity()});
  }
  return differences;
}

absl::StatusOr<std::unique_ptr<Engine>> MakeShaken(const OracleCase& c, const spec::Job& job,
                                                   const EngineMaker& make) {
  EngineOptions options;
  options.job = &job;
  options.facts = c.facts;
  options.threads = 2;
  options.share = {kSceneSlices, {0, kSceneSlices}, 64};
  HEBB_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, make(options));
  HEBB_RETURN_IF_ERROR(ShakeWeights(*engine, c.scale, job.seed));
  return engine;
}

}  // namespace

double LengthOf(const Doubles& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
}

double RelativeError(std::span<const float> got, const Doubles& exact) {
  Doubles error(exact.size());
  for (size_t i = 0; i < exact.size(); ++i) error[i] = got[i] - exact[i];
  const double relative = LengthOf(error) / LengthOf(exact);
  return std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
}

spec::Job JobOf(const OracleCase& c, spec::Rule rule, spec::Loss loss, spec::Propagate propagate) {
  spec::Job job;
  job.seed = 7;
  job.dataset.name = "cifar10";
  job.network.layers = c.layers;
  job.learning.rule = rule;
  job.learning.loss = loss;
  job.learning.propagate = propagate;
  // A large step: its change must not drown in the rounding of W itself.
  job.learning.optimizer = {1.0, 0.5};
  return job;
}

absl::StatusOr<Scene> DrawScene(const OracleCase& c, const spec::Job& job, const EngineMaker& make,
                                uint64_t first_seed, int steps, uint64_t draws) {
  for (uint64_t seed = first_seed; seed < first_seed + draws; ++seed) {
    Scene scene;
    scene.job = job;
    scene.job.seed = seed;
    HEBB_ASSIGN_OR_RETURN(scene.engine, MakeShaken(c, scene.job, make));
    scene.oracle = std::make_unique<Oracle>(scene.job, c.facts);
    scene.oracle->SetWeights(scene.engine->Export());
    Oracle walker = *scene.oracle;
    bool clear = true;
    for (int step = 0; step < steps && clear; ++step) {
      scene.images.push_back(
          std::make_unique<RandomImages>(c.facts, kSceneRows, 100 * seed + step));
      scene.contexts.push_back(ContextOf(c, seed, step, steps));
      scene.expected.push_back(
          walker.Advance(scene.contexts.back(), scene.images.back()->samples(), kSceneSlices));
      clear = scene.expected.back().edge > kEdge && scene.expected.back().spread > kSpread;
    }
    if (clear) return scene;
  }
  return absl::NotFoundError(absl::StrCat(c.name, ": no draw is far from every edge"));
}

absl::StatusOr<std::unique_ptr<Engine>> MakeForScene(const OracleCase& c, const Scene& scene,
                                                     const EngineMaker& make) {
  return MakeShaken(c, scene.job, make);
}

absl::StatusOr<std::vector<Difference>> CompareStep(Engine& engine, const Scene& scene,
                                                    size_t step) {
  const OracleStep& expected = scene.expected[step];
  const StepResult result =
      RunStep(engine, scene.contexts[step], scene.images[step]->samples(), kSceneSlices);
  HEBB_RETURN_IF_ERROR(result.status);
  std::vector<Difference> differences = CompareTensors(expected.after, engine, scene, step);
  differences.push_back(
      {"loss", std::abs(result.loss - expected.loss) / (1 + std::abs(expected.loss))});
  differences.push_back({"correct answers", result.correct == expected.correct ? 0.0 : 1.0});
  return differences;
}

std::vector<Difference> CompareWeights(const Engine& wanted, const Engine& got,
                                       const Scene& scene) {
  DoublesByName tensors;
  for (const auto& [name, values] : TensorsOf(wanted)) {
    tensors[name] = Doubles(values.begin(), values.end());
  }
  return CompareTensors(tensors, got, scene, scene.expected.size() - 1);
}

}  // namespace hebb::engine
