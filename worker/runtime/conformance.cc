// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/conformance.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "worker/engine/oracle/products.h"

namespace hebb::runtime {
namespace {

using engine::EngineMaker;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Some draws have sums that cancel, and round further than the limit: of most networks one in a
// thousand, of normalisations whose field others read too one in three.
constexpr int kDraws = 10;
// Seeds of a draw until one is far from every edge, and from a draw to the next. Of the network
// with most edges (norm_sigmoid) that is one in several hundred: a report in thousands finds none.
constexpr uint64_t kSeedsApart = 6000;
// Nothing rounds so many times further. The large steps of some cases multiply an error of the
// first by hundreds (kolen_pollack_saturated by 200 in one draw of a thousand).
constexpr double kBeyondRounding = 1000;
// Of a product of some hundreds of random numbers; about five times what they come to.
constexpr double kProductLimit = 2e-6;

void TakeWorst(const std::vector<engine::Difference>& differences, ConformanceResult& result) {
  for (const engine::Difference& difference : differences) {
    if (difference.relative <= result.difference && !result.worst.empty()) continue;
    result.difference = difference.relative;
    result.worst = difference.name;
  }
}

// ---- engines, the oracle and each other --------------------------------------------------------

absl::Status CompareWithOracle(engine::Engine& engine, const engine::Scene& scene,
                               ConformanceResult& result) {
  for (size_t step = 0; step < scene.expected.size(); ++step) {
    HEBB_ASSIGN_OR_RETURN(const std::vector<engine::Difference> differences,
                          engine::CompareStep(engine, scene, step));
    TakeWorst(differences, result);
  }
  return absl::OkStatus();
}

struct Sides {
  ConformanceResult cpu, gpu, both;
};

void Fail(const absl::Status& status, ConformanceResult& result) {
  result.error = std::string(status.message());
}

// An engine that has taken the scene's steps; null where it could not.
std::unique_ptr<engine::Engine> Try(const ConformanceCase& of, const EngineMaker& make,
                                    const engine::Scene& scene, ConformanceResult& result) {
  absl::StatusOr<std::unique_ptr<engine::Engine>> made =
      engine::MakeForScene(of.network, scene, make);
  // Products of that precision need a GPU, or other instructions: no fault.
  const bool refused = absl::IsFailedPrecondition(made.status()) &&
                       of.job.learning.precision != spec::Precision::kFloat32;
  if (refused) {
    result.skipped = std::string(made.status().message());
    return nullptr;
  }
  absl::Status status = made.status();
  if (status.ok()) status = CompareWithOracle(**made, scene, result);
  if (status.ok()) return *std::move(made);
  Fail(status, result);
  return nullptr;
}

Sides DrawSides(const ConformanceCase& of, const EngineMaker& cpu, const EngineMaker* gpu,
                uint64_t seed) {
  const auto named = [&of](const char* group, double limit) {
    return ConformanceResult{group, of.name, "", 0, limit, "", ""};
  };
  Sides sides = {named("cpu", of.limit), named("gpu", of.limit), named("gpu_cpu", 2 * of.limit)};
  spec::Job exact = of.job;  // what is judged product by product begins like the others
  exact.learning.precision = spec::Precision::kFloat32;
  absl::StatusOr<engine::Scene> scene =
      engine::DrawScene(of.network, exact, cpu, seed, of.steps, kSeedsApart);
  if (!scene.ok()) {
    Fail(scene.status(), sides.cpu);
    sides.gpu.error = sides.both.error = "the CPU's engine could not be asked";
    return sides;
  }
  scene->job.learning.precision = of.job.learning.precision;
  const std::unique_ptr<engine::Engine> on_cpu = Try(of, cpu, *scene, sides.cpu);
  if (gpu == nullptr) return sides;
  const std::unique_ptr<engine::Engine> on_gpu = Try(of, *gpu, *scene, sides.gpu);
  if (on_cpu != nullptr && on_gpu != nullptr) {
    TakeWorst(engine::CompareWeights(*on_cpu, *on_gpu, *scene), sides.both);
  } else {
    sides.both.skipped = "one of the two has not taken the steps";
  }
  return sides;
}

void TakeBetter(const ConformanceResult& drawn, ConformanceResult& best) {
  const bool better = drawn.error.empty() && drawn.difference < best.difference;
  if (best.name.empty() || (!best.conforms() && better)) best = drawn;
}

Sides CompareCase(const ConformanceCase& of, const EngineMaker& cpu, const EngineMaker* gpu,
                  uint64_t seed) {
  Sides best;
  const auto settled = [](const ConformanceResult& result) {
    return result.conforms() || !result.error.empty() ||
           result.difference > kBeyondRounding * result.limit;
  };
  for (int draw = 0; draw < kDraws; ++draw) {
    // Where there is no GPU its sides have nothing to differ in.
    if (draw > 0 && settled(best.cpu) && settled(best.gpu) && settled(best.both)) break;
    const Sides drawn = DrawSides(of, cpu, gpu, seed + static_cast<uint64_t>(draw) * kSeedsApart);
    TakeBetter(drawn.cpu, best.cpu);
    TakeBetter(drawn.gpu, best.gpu);
    TakeBetter(drawn.both, best.both);
  }
  return best;
}

// ---- an engine against itself ------------------------------------------------------------------

constexpr int kSlices = 4;
constexpr int64_t kRows = 20;

absl::StatusOr<std::unique_ptr<engine::Engine>> Create(const EngineMaker& make,
                                                       const ConformanceCase& of,
                                                       slices::SliceRange owned) {
  engine::EngineOptions options;
  options.job = &of.job;
  options.facts = of.network.facts;
  options.threads = 2;
  options.share = {kSlices, owned, kRows / kSlices};
  return make(options);
}

absl::Status CompareHalves(const ConformanceCase& of, const EngineMaker& make, uint64_t seed,
                           ConformanceResult& result) {
  const engine::RandomImages images(of.network.facts, kRows, seed);
  const auto cut = engine::CutSlices(images.samples(), kSlices);
  const engine::StepContext context = {.seed = seed, .batch_size = kRows};
  std::vector<std::vector<std::vector<float>>> sums;  // of the whole, then of each half
  for (const slices::SliceRange owned :
       {slices::SliceRange{0, kSlices}, {0, kSlices / 2}, {kSlices / 2, kSlices}}) {
    HEBB_ASSIGN_OR_RETURN(const auto engine, Create(make, of, owned));
    engine::AloneSink sink(*engine);
    std::vector<engine::SliceTotals> totals(owned.size());
    const auto own = std::span(cut).subspan(owned.begin, owned.size());
    HEBB_RETURN_IF_ERROR(engine->ComputeUpdates(context, own, sink, totals));
    HEBB_ASSIGN_OR_RETURN(std::vector<std::vector<float>> read, sink.Read());
    sums.push_back(std::move(read));
  }
  for (size_t sum = 0; sum < sums[0].size(); ++sum) {
    for (size_t i = 0; i < sums[0][sum].size(); ++i) {
      if (sums[0][sum][i] == sums[1][sum][i] + sums[2][sum][i]) continue;
      result.difference = 1;
      result.worst = absl::StrCat("sum ", sum);
    }
  }
  return absl::OkStatus();
}

absl::Status CompareSteps(const ConformanceCase& of, const EngineMaker& make, uint64_t seed,
                          ConformanceResult& result) {
  const engine::RandomImages images(of.network.facts, kRows, seed);
  HEBB_ASSIGN_OR_RETURN(const auto engine, Create(make, of, {0, kSlices}));
  for (int64_t step = 0; step < 4; ++step) {
    HEBB_ASSIGN_OR_RETURN(const auto fresh, Create(make, of, {0, kSlices}));
    HEBB_RETURN_IF_ERROR(fresh->Import(engine->Export()));
    const engine::StepContext context = {.seed = seed,
                                         .batch_size = kRows,
                                         .step = step,
                                         .first_of_epoch = step == 0,
                                         .last_of_epoch = true};
    for (engine::Engine* each : {engine.get(), fresh.get()}) {
      HEBB_RETURN_IF_ERROR(engine::RunStep(*each, context, images.samples(), kSlices).status);
    }
    if (engine::TensorsOf(*engine) == engine::TensorsOf(*fresh)) continue;
    result.difference = 1;
    result.worst = absl::StrCat("step ", step);
  }
  return absl::OkStatus();
}

// Whole-batch statistics, and sums that are applied on the way down, need the other half: networks
// with them cannot be halved here.
void CompareWithItself(const std::vector<ConformanceCase>& cases, const std::string& group,
                       const EngineMaker& make, uint64_t seed,
                       std::vector<ConformanceResult>& results) {
  const auto add = [&](const ConformanceCase& of, const char* what, auto compare) {
    ConformanceResult result = {group, absl::StrCat(what, ", ", of.name), "", 0, 0, "", ""};
    const absl::Status status = compare(of, make, seed, result);
    if (!status.ok()) Fail(status, result);
    results.push_back(std::move(result));
  };
  for (const ConformanceCase& each : cases) {
    const bool halved = each.name == "urfb" || each.name == "flip";
    if (halved) add(each, "two halves", CompareHalves);
    if (halved || each.name == "urfb_normed") add(each, "step after step", CompareSteps);
  }
}

}  // namespace

std::vector<ConformanceResult> CompareEngines(const std::vector<ConformanceCase>& cases,
                                              const EngineMaker& cpu, const EngineMaker* gpu,
                                              uint64_t seed) {
  std::vector<ConformanceResult> results;
  for (const ConformanceCase& each : cases) {
    Sides sides = CompareCase(each, cpu, gpu, seed);
    results.push_back(std::move(sides.cpu));
    if (gpu == nullptr) continue;
    results.push_back(std::move(sides.gpu));
    results.push_back(std::move(sides.both));
  }
  CompareWithItself(cases, "cpu_bits", cpu, seed, results);
  if (gpu != nullptr) CompareWithItself(cases, "gpu_bits", *gpu, seed, results);
  return results;
}

std::vector<ConformanceResult> CompareProducts(uint64_t seed) {
  const absl::StatusOr<std::vector<engine::ProductError>> errors = engine::CpuProductErrors(seed);
  std::vector<ConformanceResult> results;
  if (!errors.ok()) {
    results.push_back({"products", "all", "", 0, kProductLimit, "", ""});
    Fail(errors.status(), results.back());
    return results;
  }
  for (const engine::ProductError& error : *errors) {
    results.push_back(
        {"products", error.product, error.shape, error.relative, kProductLimit, "", ""});
  }
  return results;
}

}  // namespace hebb::runtime
