// SPDX-License-Identifier: Apache-2.0
// What the engine's tests share: random images, a sink that sums like one rank would, and steps.
#ifndef HEBB_TESTS_UNIT_WORKER_ENGINE_HARNESS_H_
#define HEBB_TESTS_UNIT_WORKER_ENGINE_HARNESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/spec/shapes.h"
#include "common/spec/spec.h"
#include "common/weights/safetensors.h"
#include "worker/engine/engine.h"

namespace hebb::engine {

// Takes the sums of an engine that owns all slices: the one node of each. Borrows the engine, in
// whose memory they lie.
class TreeSink : public SumSink {
 public:
  explicit TreeSink(const Engine& engine);

  absl::Status Ready(int sum, std::span<const float* const> nodes) override;
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override;

  std::span<const std::span<const float>> sums() const { return views_; }
  // The same, to read.
  std::vector<std::vector<float>> Read() const;
  const std::vector<int>& order() const { return order_; }  // of the calls so far

  // The next Ready of this sum fails.
  void FailAt(int sum) { fail_at_ = sum; }

 private:
  slices::VectorMemory& memory_;
  std::vector<slices::OwnedVector> sums_;
  std::vector<std::span<const float>> views_;
  std::vector<int> order_;
  int fail_at_ = -1;
};

// Random pixels and labels, owned.
class RandomImages {
 public:
  RandomImages(const spec::DatasetFacts& facts, int64_t count, uint64_t seed);
  const std::vector<Sample>& samples() const { return samples_; }

 private:
  std::vector<uint8_t> pixels_;
  std::vector<Sample> samples_;
};

// Cuts samples as design.md 5 does: contiguous, the first ones larger by one.
std::vector<std::span<const Sample>> CutSlices(std::span<const Sample> samples, int slices);

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

// The same, and gives biases, scales, shifts and running statistics values that matter.
void ShakeWeights(Engine& engine, float factor, uint64_t seed);

struct StepResult {
  absl::Status status;
  std::vector<std::vector<float>> sums;  // in the order of Engine::sums()
  std::vector<SliceTotals> totals;
  double loss = 0;
  int correct = 0;
};

// ComputeUpdates over all slices, then Apply.
StepResult RunStep(Engine& engine, const StepContext& context, std::span<const Sample> samples,
                   int slices);

bool SameBits(const std::vector<float>& a, const std::vector<float>& b);

// By name.
std::map<std::string, std::vector<float>> TensorsOf(const Engine& engine);

// Layer shorthands.
spec::Layer Conv(std::string name, int64_t filters, int64_t kernel,
                 spec::Activation activation = spec::Activation::kRamp,
                 spec::Padding padding = spec::Padding::kSame);
spec::Layer Dense(std::string name, int64_t units,
                  spec::Activation activation = spec::Activation::kRamp);
spec::Layer Pool(std::string name, int64_t size, int64_t stride,
                 spec::Ties ties = spec::Ties::kAll);
spec::Layer Drop(std::string name, double rate);
spec::Layer AddOf(std::string name, std::vector<std::string> inputs,
                  spec::Activation activation = spec::Activation::kNone);
spec::Layer Untied(std::string name, int64_t filters, int64_t kernel,
                   spec::Activation activation = spec::Activation::kRamp,
                   spec::Padding padding = spec::Padding::kSame);
spec::Layer Norm(std::string name, spec::Activation activation = spec::Activation::kNone,
                 spec::Statistics statistics = spec::Statistics::kBatch);
spec::Layer AvgPoolOf(std::string name, int64_t size, int64_t stride,
                      spec::Padding padding = spec::Padding::kSame);
spec::Layer GlobalAvg(std::string name);
// A layer with one thing changed.
spec::Layer Reading(spec::Layer layer, std::string input);
spec::Layer Strided(spec::Layer conv, int64_t stride);
spec::Layer Biased(spec::Layer layer);
spec::Layer Sparse(spec::Layer layer, double connectivity);
spec::Layer Frozen(spec::Layer layer);

}  // namespace hebb::engine

#endif  // HEBB_TESTS_UNIT_WORKER_ENGINE_HARNESS_H_
