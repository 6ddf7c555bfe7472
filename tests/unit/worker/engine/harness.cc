// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/engine/harness.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <utility>

#include "common/check.h"

namespace hebb::engine {

TreeSink::TreeSink(const Engine& engine) : memory_(engine.memory()) {
  for (const SumInfo& info : engine.sums()) {
    sums_.emplace_back(memory_, static_cast<size_t>(info.size));
    views_.push_back(sums_.back().span());
  }
  order_.reserve(1000);
}

absl::Status TreeSink::Ready(int sum, std::span<const float* const> nodes) {
  if (sum == fail_at_) return absl::UnavailableError("the sum failed");
  order_.push_back(sum);
  HEBB_CHECK(nodes.size() == 1 && memory_.Settle().ok());
  return memory_.Copy(nodes[0], sums_[sum].data(), sums_[sum].size());
}

std::vector<std::vector<float>> TreeSink::Read() const {
  std::vector<std::vector<float>> read;
  for (const slices::OwnedVector& sum : sums_) {
    read.emplace_back(sum.size());
    HEBB_CHECK(memory_.ToHost(sum.data(), read.back()).ok());
  }
  return read;
}

absl::StatusOr<std::span<const float>> TreeSink::WaitForSum(int sum) { return views_[sum]; }

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

std::unique_ptr<Engine> MakeEngine(const EngineSetup& setup) {
  EngineOptions options;
  options.job = &setup.job;
  options.facts = setup.facts;
  options.threads = setup.threads;
  const slices::SliceRange all = {0, setup.slices};
  options.share = {setup.slices, setup.owned.size() > 0 ? setup.owned : all, setup.max_slice_rows};
  absl::StatusOr<std::unique_ptr<Engine>> engine = CreateEngineUnderTest(options);
  if (!engine.ok()) std::fprintf(stderr, "%s\n", engine.status().ToString().c_str());
  HEBB_CHECK(engine.ok());
  return *std::move(engine);
}

void ScaleWeights(Engine& engine, float factor) {
  std::vector<weights::Tensor> tensors = engine.Export();
  for (weights::Tensor& tensor : tensors) {
    for (float& value : tensor.values) value *= factor;
  }
  HEBB_CHECK(engine.Import(tensors).ok());
}

void ShakeWeights(Engine& engine, float factor, uint64_t seed) {
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
  HEBB_CHECK(engine.Import(kept).ok());
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

StepResult RunStep(Engine& engine, const StepContext& context, std::span<const Sample> samples,
                   int slices) {
  StepResult result;
  TreeSink sink(engine);
  result.totals.resize(slices);
  const auto cut = CutSlices(samples, slices);
  result.status = engine.ComputeUpdates(context, cut, sink, result.totals);
  if (!result.status.ok()) return result;
  engine.Apply(context, sink.sums());
  result.sums = sink.Read();
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

spec::Layer Conv(std::string name, int64_t filters, int64_t kernel, spec::Activation activation,
                 spec::Padding padding) {
  return {std::move(name), {}, spec::Conv{filters, kernel, activation, padding}, 0, 0};
}
spec::Layer Dense(std::string name, int64_t units, spec::Activation activation) {
  return {std::move(name), {}, spec::Dense{units, activation}, 0, 0};
}
spec::Layer Pool(std::string name, int64_t size, int64_t stride, spec::Ties ties) {
  return {std::move(name), {}, spec::MaxPool{size, stride, ties}, 0, 0};
}
spec::Layer Drop(std::string name, double rate) {
  return {std::move(name), {}, spec::Dropout{rate}, 0, 0};
}
spec::Layer AddOf(std::string name, std::vector<std::string> inputs, spec::Activation activation) {
  return {std::move(name), std::move(inputs), spec::Add{activation}, 0, 0};
}
spec::Layer Untied(std::string name, int64_t filters, int64_t kernel, spec::Activation activation,
                   spec::Padding padding) {
  spec::Layer layer = Conv(std::move(name), filters, kernel, activation, padding);
  std::get<spec::Conv>(layer.op).untied = true;
  return layer;
}
spec::Layer Norm(std::string name, spec::Activation activation, spec::Statistics statistics) {
  return {std::move(name), {}, spec::BatchNorm{0.1, 1e-5, statistics, activation}, 0, 0};
}
spec::Layer AvgPoolOf(std::string name, int64_t size, int64_t stride, spec::Padding padding) {
  return {std::move(name), {}, spec::AvgPool{size, stride, padding}, 0, 0};
}
spec::Layer GlobalAvg(std::string name) {
  return {std::move(name), {}, spec::GlobalAvgPool{}, 0, 0};
}
spec::Layer Reading(spec::Layer layer, std::string input) {
  layer.inputs = {std::move(input)};
  return layer;
}
spec::Layer Strided(spec::Layer conv, int64_t stride) {
  std::get<spec::Conv>(conv.op).stride = stride;
  return conv;
}
spec::Layer Biased(spec::Layer layer) {
  if (auto* conv = std::get_if<spec::Conv>(&layer.op)) conv->bias = true;
  if (auto* dense = std::get_if<spec::Dense>(&layer.op)) dense->bias = true;
  return layer;
}
spec::Layer Sparse(spec::Layer layer, double connectivity) {
  if (auto* conv = std::get_if<spec::Conv>(&layer.op)) conv->connectivity = connectivity;
  if (auto* dense = std::get_if<spec::Dense>(&layer.op)) dense->connectivity = connectivity;
  return layer;
}
spec::Layer Frozen(spec::Layer layer) {
  layer.frozen = true;
  return layer;
}

}  // namespace hebb::engine
