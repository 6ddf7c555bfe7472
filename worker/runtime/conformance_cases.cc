// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/conformance_cases.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/spec/words.h"
#include "worker/engine/oracle/layers.h"
#include "worker/engine/oracle/networks.h"
#include "worker/engine/oracle/variants.h"

namespace hebb::runtime {
namespace {

// Of one product whose factors are rounded (design.md 5).
constexpr double kTf32Limit = 1e-3;
constexpr double kBf16Limit = 1e-2;

// An epoch of two steps, and the first of the next, whose rates are halved.
constexpr int kVariantSteps = 3;

constexpr std::array<spec::Propagate, 2> kOrders = {spec::Propagate::kBeforeUpdate,
                                                    spec::Propagate::kAfterUpdate};

using Cases = std::vector<ConformanceCase>;

// Every third network under a rule, every fifth with a loss, every second in an order.
void AddNetworks(Cases& cases) {
  const std::array<spec::Rule, 3> rules = {spec::Rule::kUrfb, spec::Rule::kBp, spec::Rule::kFrfb};
  const std::array<spec::Loss, 5> losses = {spec::Hinge{1.0}, spec::CrossEntropy{}, spec::Squared{},
                                            spec::BinaryCrossEntropy{}, spec::Hinge{10.0}};
  std::vector<engine::OracleCase> networks = engine::PaperCases();
  for (engine::OracleCase& other : engine::OtherCases()) networks.push_back(std::move(other));
  for (size_t i = 0; i < networks.size(); ++i) {
    const spec::Rule rule = rules[i % rules.size()];
    const spec::Job job =
        engine::JobOf(networks[i], rule, losses[i % losses.size()], kOrders[i % kOrders.size()]);
    cases.push_back({absl::StrCat(networks[i].name, ", ", spec::ToWord(rule)), networks[i], job});
  }
}

void AddVariants(const std::vector<engine::Variant>& variants, Cases& cases) {
  for (size_t i = 0; i < variants.size(); ++i) {
    const engine::Variant& variant = variants[i];
    const spec::Propagate order = kOrders[variant.both_orders ? i % kOrders.size() : 0];
    cases.push_back({variant.name, variant.network, engine::JobOf(variant, order), kVariantSteps});
  }
}

// One product on the way up, one of the update: for what is judged product by product.
void AddProducts(Cases& cases) {
  const engine::OracleCase network = {
      "product", {engine::Dense("out", 10, spec::Activation::kNone)}, {{3, 12, 12}, 10, 0, 0}, 1};
  spec::Job job = engine::JobOf(network, spec::Rule::kBp, spec::Squared{});
  cases.push_back({"product, float32", network, job});
  job.learning.precision = spec::Precision::kTf32;
  cases.push_back({"product, tf32", network, job, 1, kTf32Limit});
  job.learning.precision = spec::Precision::kBf16;
  cases.push_back({"product, bf16", network, job, 1, kBf16Limit});
}

}  // namespace

std::vector<ConformanceCase> ConformanceCases() {
  Cases cases;
  AddNetworks(cases);
  AddVariants(engine::RuleVariants(), cases);
  AddVariants(engine::OptionVariants(), cases);
  AddVariants(engine::ClipVariants(), cases);
  AddVariants(engine::OptimizerVariants(), cases);
  AddVariants(engine::InputVariants(), cases);
  AddProducts(cases);
  return cases;
}

}  // namespace hebb::runtime
