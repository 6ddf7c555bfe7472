// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/conformance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/runtime/conformance_cases.h"

namespace hebb::runtime {
namespace {

constexpr int kSlices = 4;
constexpr int64_t kRows = 20;
constexpr int kDraws = 20;
const spec::DatasetFacts kFacts = {{3, 12, 12}, 10, 0, 0};

using TensorMap = std::map<std::string, std::vector<float>>;

TensorMap TensorsOf(const engine::Engine& engine) {
  TensorMap tensors;
  for (weights::Tensor& tensor : engine.Export()) tensors[tensor.name] = std::move(tensor.values);
  return tensors;
}

// Random records. An engine may remember them by their addresses: they live as long as it.
class Images {
 public:
  explicit Images(uint64_t seed) : pixels_(kRows * kFacts.image.size()) {
    std::mt19937_64 random(seed);
    for (uint8_t& pixel : pixels_) pixel = static_cast<uint8_t>(random());
    for (int64_t i = 0; i < kRows; ++i) {
      samples_.push_back({pixels_.data() + i * kFacts.image.size(),
                          static_cast<int32_t>(random() % kFacts.classes), i});
    }
    for (int i = 0; i < kSlices; ++i) {
      slices_.push_back(std::span<const engine::Sample>(samples_).subspan(
          static_cast<size_t>(i * kRows / kSlices), kRows / kSlices));
    }
  }
  std::span<const std::span<const engine::Sample>> slices(slices::SliceRange owned) const {
    return std::span(slices_).subspan(owned.begin, owned.size());
  }

 private:
  std::vector<uint8_t> pixels_;
  std::vector<engine::Sample> samples_;
  std::vector<std::span<const engine::Sample>> slices_;
};

// Gives an engine's nodes back as sums, as a gang of one does, and keeps a copy of them.
class OwnSums : public engine::SumSink {
 public:
  explicit OwnSums(const engine::Engine& engine)
      : infos_(engine.sums()), memory_(engine.memory()), sums_(infos_.size()) {}

  absl::Status Ready(int sum, std::span<const float* const> nodes) override {
    sums_[sum] = {nodes[0], static_cast<size_t>(infos_[sum].size)};
    nodes_.emplace_back(infos_[sum].size);
    return memory_.ToHost(nodes[0], nodes_.back());
  }
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override { return sums_[sum]; }
  std::span<const std::span<const float>> sums() const { return sums_; }
  const std::vector<std::vector<float>>& nodes() const { return nodes_; }

 private:
  const std::span<const engine::SumInfo> infos_;
  slices::VectorMemory& memory_;
  std::vector<std::span<const float>> sums_;
  std::vector<std::vector<float>> nodes_;  // of whole sums, in their order
};

absl::StatusOr<std::unique_ptr<engine::Engine>> Create(const EngineMaker& make,
                                                       const spec::Job& job,
                                                       slices::SliceRange owned = {0, kSlices}) {
  engine::EngineOptions options;
  options.job = &job;
  options.facts = kFacts;
  options.share = {kSlices, owned, kRows / kSlices};
  return make(options);
}

absl::Status Step(engine::Engine& engine, const Images& images, uint64_t seed, int64_t step) {
  const engine::StepContext context = {.seed = seed,
                                       .batch_size = kRows,
                                       .step = step,
                                       .first_of_epoch = step == 0,
                                       .last_of_epoch = true};
  OwnSums sums(engine);
  std::vector<engine::SliceTotals> totals(kSlices);
  HEBB_RETURN_IF_ERROR(engine.ComputeUpdates(context, images.slices({0, kSlices}), sums, totals));
  engine.Apply(context, sums.sums());
  return absl::OkStatus();
}

double Length(const std::vector<float>& values, const std::vector<float>& from) {
  double squares = 0;
  for (size_t i = 0; i < values.size(); ++i) squares += std::pow(double{values[i]} - from[i], 2);
  return std::sqrt(squares);
}

// Relative, of the change from `start`.
double Apart(const std::vector<float>& wanted, const std::vector<float>& got,
             const std::vector<float>& start) {
  const double change = Length(wanted, start), apart = Length(got, wanted);
  if (!std::isfinite(apart)) return std::numeric_limits<double>::infinity();
  return change > 0 ? apart / change : (apart > 0 ? 1.0 : 0.0);
}

void FindWorst(const TensorMap& start, const TensorMap& wanted, const TensorMap& got,
               ConformanceResult& result) {
  result.difference = 0;
  for (const auto& [name, values] : wanted) {
    const auto found = got.find(name);
    const auto old = start.find(name);
    if (found == got.end() || old == start.end() || found->second.size() != values.size()) {
      result.difference = std::numeric_limits<double>::infinity();
      result.worst = absl::StrCat(name, " (missing, or of another shape)");
      return;
    }
    const double difference = Apart(values, found->second, old->second);
    if (difference <= result.difference && !result.worst.empty()) continue;
    result.difference = difference;
    result.worst = name;
  }
}

// The same step on both, from one start.
absl::Status CompareStep(const ConformanceCase& of, const EngineMaker& make, uint64_t seed,
                         ConformanceResult& result) {
  spec::Job job = of.job;
  job.seed = seed;
  spec::Job exact = job;  // what is judged product by product is judged by products in float32
  exact.learning.precision = spec::Precision::kFloat32;
  HEBB_ASSIGN_OR_RETURN(const auto cpu, Create(engine::CreateCpuEngine, exact));
  HEBB_ASSIGN_OR_RETURN(const auto other, Create(make, job));
  const TensorMap start = TensorsOf(*cpu);
  const Images images(seed);
  HEBB_RETURN_IF_ERROR(Step(*cpu, images, seed, 0));
  HEBB_RETURN_IF_ERROR(Step(*other, images, seed, 0));
  result.worst.clear();
  FindWorst(start, TensorsOf(*cpu), TensorsOf(*other), result);
  return absl::OkStatus();
}

ConformanceResult CompareCase(const ConformanceCase& of, const EngineMaker& make, uint64_t seed) {
  ConformanceResult best = {.name = of.name,
                            .worst = "",
                            .difference = std::numeric_limits<double>::infinity(),
                            .limit = of.limit,
                            .error = ""};
  for (int draw = 0; draw < kDraws && !(best.difference <= best.limit); ++draw) {
    ConformanceResult drawn = best;
    const absl::Status status = CompareStep(of, make, seed + static_cast<uint64_t>(draw), drawn);
    if (!status.ok()) {
      best.error = std::string(status.message());
      return best;
    }
    if (drawn.difference < best.difference || best.worst.empty()) best = drawn;
  }
  return best;
}

// ---- the engine against itself -----------------------------------------------------------------

absl::Status CompareHalves(const spec::Job& job, const EngineMaker& make, uint64_t seed,
                           ConformanceResult& result) {
  const Images images(seed);
  const engine::StepContext context = {.seed = seed, .batch_size = kRows};
  std::vector<std::vector<std::vector<float>>> nodes;  // of the whole, then of each half
  for (const slices::SliceRange owned :
       {slices::SliceRange{0, kSlices}, {0, kSlices / 2}, {kSlices / 2, kSlices}}) {
    HEBB_ASSIGN_OR_RETURN(const auto engine, Create(make, job, owned));
    OwnSums sums(*engine);
    std::vector<engine::SliceTotals> totals(owned.size());
    HEBB_RETURN_IF_ERROR(engine->ComputeUpdates(context, images.slices(owned), sums, totals));
    nodes.push_back(sums.nodes());
  }
  for (size_t sum = 0; sum < nodes[0].size(); ++sum) {
    for (size_t i = 0; i < nodes[0][sum].size(); ++i) {
      if (nodes[0][sum][i] == nodes[1][sum][i] + nodes[2][sum][i]) continue;
      result.difference = 1;
      result.worst = absl::StrCat("sum ", sum);
    }
  }
  return absl::OkStatus();
}

absl::Status CompareSteps(const spec::Job& job, const EngineMaker& make, uint64_t seed,
                          ConformanceResult& result) {
  const Images images(seed);
  HEBB_ASSIGN_OR_RETURN(const auto engine, Create(make, job));
  for (int64_t step = 0; step < 4; ++step) {
    HEBB_ASSIGN_OR_RETURN(const auto fresh, Create(make, job));
    HEBB_RETURN_IF_ERROR(fresh->Import(engine->Export()));
    HEBB_RETURN_IF_ERROR(Step(*engine, images, seed, step));
    HEBB_RETURN_IF_ERROR(Step(*fresh, images, seed, step));
    if (TensorsOf(*engine) == TensorsOf(*fresh)) continue;
    result.difference = 1;
    result.worst = absl::StrCat("step ", step);
  }
  return absl::OkStatus();
}

ConformanceResult Named(std::string name,
                        const std::function<absl::Status(ConformanceResult&)>& run) {
  ConformanceResult result;
  result.name = std::move(name);
  const absl::Status status = run(result);
  if (!status.ok()) result.error = std::string(status.message());
  return result;
}

}  // namespace

std::vector<ConformanceResult> CompareEngines(const EngineMaker& make, uint64_t seed) {
  std::vector<ConformanceResult> results;
  for (const ConformanceCase& each : ConformanceCases()) {
    results.push_back(CompareCase(each, make, seed));
    // Statistics of a whole batch need the other half's: not to be had here.
    const bool alone = each.name == "rule urfb" || each.name == "untied";
    if (!alone) continue;
    results.push_back(Named(
        absl::StrCat("same bits in two halves, ", each.name),
        [&](ConformanceResult& result) { return CompareHalves(each.job, make, seed, result); }));
  }
  for (const ConformanceCase& each : ConformanceCases()) {
    if (each.name != "rule urfb" && each.name != "residual") continue;
    results.push_back(Named(
        absl::StrCat("same bits step after step, ", each.name),
        [&](ConformanceResult& result) { return CompareSteps(each.job, make, seed, result); }));
  }
  return results;
}

}  // namespace hebb::runtime
