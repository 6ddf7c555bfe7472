// SPDX-License-Identifier: Apache-2.0
// What the engine's tests share, beside the trials and layers of worker/engine/oracle.
#ifndef HEBB_TESTS_UNIT_WORKER_ENGINE_HARNESS_H_
#define HEBB_TESTS_UNIT_WORKER_ENGINE_HARNESS_H_

#include <cstdint>
#include <memory>
#include <span>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "worker/engine/engine.h"
#include "worker/engine/oracle/layers.h"
#include "worker/engine/oracle/trial.h"

namespace hebb::engine {

// Fails at one of the sums.
class FailingSink : public AloneSink {
 public:
  FailingSink(const Engine& engine, int fail_at) : AloneSink(engine), fail_at_(fail_at) {}
  absl::Status Ready(int sum, std::span<const float* const> nodes) override;

 private:
  const int fail_at_;
};

struct EngineSetup {
  spec::Job job;
  spec::DatasetFacts facts;
  int threads = 2;
  int slices = 3;
  slices::SliceRange owned;  // empty: all of them
  int64_t max_slice_rows = 64;
};

// The engine that a test program is about: linked to it (cpu_engine_under_test.cc, or a GPU's).
absl::StatusOr<std::unique_ptr<Engine>> CreateEngineUnderTest(const EngineOptions& options);

// Stops the test if the engine cannot be made.
std::unique_ptr<Engine> MakeEngine(const EngineSetup& setup);

// Multiplies W and R, so that units saturate.
void ScaleWeights(Engine& engine, float factor);

}  // namespace hebb::engine

#endif  // HEBB_TESTS_UNIT_WORKER_ENGINE_HARNESS_H_
