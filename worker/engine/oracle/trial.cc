// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/oracle/trial.h"

#include <cstring>
#include <random>
#include <utility>

#include "common/check.h"
#include "common/status_macros.h"

namespace hebb::engine {

AloneSink::AloneSink(const Engine& engine)
    : infos_(engine.sums()), memory_(engine.memory()), sums_(infos_.size()) {
  order_.reserve(1000);  // a step allocates nothing
}

absl::Status AloneSink::Ready(int sum, std::span<const float* const> nodes) {
  HEBB_CHECK(nodes.size() == 1);
  order_.push_back(sum);
  sums_[sum] = {nodes[0], static_cast<size_t>(infos_[sum].size)};
  return absl::OkStatus();
}

absl::StatusOr<std::span<const float>> AloneSink::WaitForSum(int sum) { return sums_[sum]; }

absl::StatusOr<std::vector<std::vector<float>>> AloneSink::Read() const {
  std::vector<std::vector<float>> read;
  for (const std::span<const float> sum : sums_) {
    read.emplace_back(sum.size());
    HEBB_RETURN_IF_ERROR(memory_.ToHost(sum.data(), read.back()));
  }
  return read;
}

RandomImages::RandomImages(const spec::DatasetFacts& facts, int64_t count, uint64_t seed)
    : pixels_(count * facts.image.size()) {
  std::mt19937_64 random(seed);
  for (uint8_t& pixel : pixels_) pixel = static_cast<uint8_t>(random());
  for (int64_t i = 0; i < count; ++i) {
    samples_.push_back({pixels_.data() + i * facts.image.size(),
                        static_cast<int32_t>(random() % facts.classes),
                        static_cast<int64_t>(random() % 50000)});
  }
}

std::vector<std::span<const Sample>> CutSlices(std::span<const Sample> samples, int slices) {
  std::vector<std::span<const Sample>> cut;
  size_t at = 0;
  for (int i = 0; i < slices; ++i) {
    const size_t larger = i < static_cast<int>(samples.size() % slices) ? 1 : 0;
    const size_t rows = samples.size() / slices + larger;
    cut.push_back(samples.subspan(at, rows));
    at += rows;
  }
  return cut;
}

absl::Status ShakeWeights(Engine& engine, float factor, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto draw = [&random](float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random);
  };
  std::vector<weights::Tensor> kept;
  for (weights::Tensor& tensor : engine.Export()) {
    if (tensor.name.starts_with("optimizer/") || tensor.name.starts_with("state/")) continue;
    const auto ends = [&](const char* suffix) { return tensor.name.ends_with(suffix); };
    for (float& value : tensor.values) {
      if (ends(".weight") || ends(".feedback")) value *= factor;
      if (ends(".bias") || ends(".shift") || ends(".running_mean")) value = draw(-0.5f, 0.5f);
      if (ends(".scale") || ends(".running_var")) value = draw(0.5f, 1.5f);
    }
    kept.push_back(std::move(tensor));
  }
  return engine.Import(kept);
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

StepResult RunStep(Engine& engine, const StepContext& context, std::span<const Sample> samples,
                   int slices) {
  StepResult result;
  AloneSink sink(engine);
  result.totals.resize(slices);
  const auto cut = CutSlices(samples, slices);
  result.status = engine.ComputeUpdates(context, cut, sink, result.totals);
  if (!result.status.ok()) return result;
  engine.Apply(context, sink.sums());
  absl::StatusOr<std::vector<std::vector<float>>> sums = sink.Read();
  result.status = sums.status();
  if (!sums.ok()) return result;
  result.sums = *std::move(sums);
  for (const SliceTotals& totals : result.totals) {
    result.loss += totals.loss;
    result.correct += static_cast<int>(totals.correct);
  }
  return result;
}

std::map<std::string, std::vector<float>> TensorsOf(const Engine& engine) {
  std::map<std::string, std::vector<float>> tensors;
  for (weights::Tensor& tensor : engine.Export()) tensors[tensor.name] = std::move(tensor.values);
  return tensors;
}

}  // namespace hebb::engine
