// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/engine/oracle_scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace hebb::engine {
namespace {

constexpr double kEdge = 1e-5;
// A channel that is all but constant is normalised by its own rounding errors.
constexpr double kSpread = 0.03;
constexpr uint64_t kDraws = 80;

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

// Beside the tolerance: after several steps, what float32 itself has rounded away of the values.
void ExpectTensorsEqual(const OracleCase& c, const Scene& scene, size_t step) {
  const DoublesByName& start = scene.oracle->weights();
  const DoublesByName& wanted = scene.expected[step].after;
  const double roundings = scene.expected.size() == 1 ? 0.0 : static_cast<double>(step) + 1;
  const auto got = TensorsOf(*scene.engine);
  EXPECT_EQ(got.size(), wanted.size());
  for (const auto& [name, values] : got) {
    ASSERT_TRUE(wanted.contains(name)) << name;
    const Doubles& want = wanted.at(name);
    ASSERT_EQ(values.size(), want.size()) << name;
    const auto old = start.find(name);
    Doubles change = want, error(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      error[i] = values[i] - want[i];
      if (old == start.end()) continue;
      change[i] -= old->second[i];
      const bool removed = old->second[i] == 0 && want[i] == 0 && !name.starts_with("optimizer/");
      EXPECT_TRUE(!removed || values[i] == 0) << c.name << " " << name << " entry " << i;
    }
    EXPECT_LE(LengthOf(error),
              c.tolerance * LengthOf(change) + roundings * 0x1p-24 * LengthOf(want))
        << c.name << " " << name << ", relative " << LengthOf(error) / LengthOf(change);
  }
}

}  // namespace

double LengthOf(const Doubles& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum);
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

Scene DrawScene(const OracleCase& c, spec::Job job, int steps) {
  Scene scene;
  for (uint64_t seed = 1; seed < kDraws; ++seed) {
    job.seed = seed;
    scene = {};
    scene.engine = MakeEngine({job, c.facts, 2, kSceneSlices, 64});
    ShakeWeights(*scene.engine, c.scale, seed);
    scene.oracle = std::make_unique<Oracle>(job, c.facts);
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
  ADD_FAILURE() << c.name << ": no draw is far from every edge";
  return scene;
}

void ExpectEqualsOracle(const OracleCase& c, const spec::Job& job, int steps) {
  Scene scene = DrawScene(c, job, steps);
  if (static_cast<int>(scene.expected.size()) < steps) return;
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE(testing::Message() << "step " << step);
    const OracleStep& expected = scene.expected[step];
    const StepResult result =
        RunStep(*scene.engine, scene.contexts[step], scene.images[step]->samples(), kSceneSlices);
    ASSERT_TRUE(result.status.ok()) << result.status;
    EXPECT_NEAR(result.loss, expected.loss, 1e-5 * (1 + std::abs(expected.loss)));
    EXPECT_EQ(result.correct, expected.correct);
    ExpectTensorsEqual(c, scene, static_cast<size_t>(step));
  }
}

}  // namespace hebb::engine
