// SPDX-License-Identifier: Apache-2.0
// One engine on its own, on trial: random images, a sink that sums as a gang of one does, a step.
#ifndef HEBB_WORKER_ENGINE_ORACLE_TRIAL_H_
#define HEBB_WORKER_ENGINE_ORACLE_TRIAL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "worker/engine/engine.h"

namespace hebb::engine {

using EngineMaker =
    std::function<absl::StatusOr<std::unique_ptr<Engine>>(const EngineOptions& options)>;

// Gives back the nodes of an engine that has one of each sum as the sums, as a gang of one does: at
// the same places in every step. Borrows the engine, in whose memory they lie.
class AloneSink : public SumSink {
 public:
  explicit AloneSink(const Engine& engine);

  absl::Status Ready(int sum, std::span<const float* const> nodes) override;
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override;

  // Of the last step, until the next.
  std::span<const std::span<const float>> sums() const { return sums_; }
  // The same, to read.
  absl::StatusOr<std::vector<std::vector<float>>> Read() const;
  const std::vector<int>& order() const { return order_; }  // of the calls so far

 private:
  const std::span<const SumInfo> infos_;
  slices::VectorMemory& memory_;
  std::vector<std::span<const float>> sums_;
  std::vector<int> order_;
};

// Random pixels and labels, owned. An engine may remember them by their addresses: they live as
// long as it.
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

// Multiplies W and R, so that units saturate, and gives biases, scales, shifts and running
// statistics values that matter.
absl::Status ShakeWeights(Engine& engine, float factor, uint64_t seed);

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

// By name.
std::map<std::string, std::vector<float>> TensorsOf(const Engine& engine);

bool SameBits(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_TRIAL_H_
