// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/conformance_cases.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/log.h"
#include "common/spec/parse.h"

namespace hebb::runtime {
namespace {

// Each engine is within 1e-5 of the exact step.
constexpr double kFloat32Limit = 2e-5;
// Of one product whose factors are rounded.
constexpr double kTf32Limit = 2e-3;
constexpr double kBf16Limit = 1e-2;

constexpr char kPaper[] = R"(
name: paper
dataset: {name: cifar10}
network:
  layers:
    - {name: a, conv: {filters: 5, kernel: 3}}
    - {name: b, conv: {filters: 5, kernel: 2}}
    - {name: s, inputs: [a, b], add: {}}
    - {name: p, max_pool: {size: 3, stride: 2}}
    - {name: drop, dropout: {rate: 0.4}}
    - {name: e, conv: {filters: 6, kernel: 5, padding: valid, activation: tanh}}
    - {name: q, max_pool: {size: 2, stride: 2, ties: first}}
    - {name: d, dense: {units: 9}}
    - {name: out, dense: {units: 10, activation: none}}
learning: {rule: urfb, optimizer: {sgd: {learning_rate: 1.0}}, batch_size: 20, epochs: 1}
)";

constexpr char kResidual[] = R"(
name: residual
dataset: {name: cifar10, augment: {flip: true, crop: 2, shift: 1}, normalize: standard}
network:
  layers:
    - {name: a, conv: {filters: 4, kernel: 3, activation: none, stride: 2}}
    - {name: an, batch_norm: {activation: relu}}
    - {name: b, conv: {filters: 4, kernel: 3, activation: none, bias: true}}
    - {name: bn, batch_norm: {statistics: slice}}
    - {name: s, inputs: [bn, an], add: {activation: relu}}
    - {name: p, avg_pool: {size: 2, stride: 2}}
    - {name: u, conv: {filters: 4, kernel: 3, untied: true, bias: true, activation: sigmoid}}
    - {name: g, global_avg_pool: {}}
    - {name: d, dense: {units: 9, activation: tanh, bias: true}}
    - {name: out, dense: {units: 10, activation: none, bias: true}}
learning:
  rule: urfb
  loss: {cross_entropy: {}}
  optimizer: {sgd: {learning_rate: 0.5, momentum: 0.9, weight_decay: 0.01, clip_norm: 0.5}}
  batch_size: 20
  epochs: 1
init: {distribution: kaiming_uniform}
)";

constexpr char kUntied[] = R"(
name: untied
dataset: {name: cifar10, normalize: signed}
network:
  layers:
    - {name: a, conv: {filters: 4, kernel: 3, stride: 2, connectivity: 0.6}}
    - {name: u, conv: {filters: 5, kernel: 3, untied: true, connectivity: 0.6}}
    - {name: v, conv: {filters: 3, kernel: 2, untied: true}}
    - {name: d, dense: {units: 9, connectivity: 0.5}}
    - {name: out, dense: {units: 10, activation: none}}
learning:
  rule: urfb
  rule_options: {feedback_lag: epoch, clip_untied: true, asymmetric: true}
  optimizer: {sgd: {learning_rate: 1.0, feedback_learning_rate: 0.5}}
  batch_size: 20
  epochs: 1
)";

// One product on the way up, one of the update: for what is judged product by product.
constexpr char kProduct[] = R"(
name: product
dataset: {name: cifar10}
network:
  layers:
    - {name: out, dense: {units: 10, activation: none}}
learning:
  {rule: bp, loss: {squared: {}}, optimizer: {sgd: {learning_rate: 1.0}}, batch_size: 20, epochs: 1}
)";

using Sets = std::vector<std::string>;

ConformanceCase Make(const std::string& name, const char* yaml, const Sets& sets,
                     double limit = kFloat32Limit) {
  absl::StatusOr<spec::Job> job = spec::ParseJob(yaml, name, sets);
  if (!job.ok()) LogError(job.status().message());
  HEBB_CHECK(job.ok());  // the texts above
  return {name, *std::move(job), limit};
}

}  // namespace

std::vector<ConformanceCase> ConformanceCases() {
  const std::string rule = "learning.rule=", loss = "learning.loss=";
  std::vector<ConformanceCase> cases;
  for (const char* word : {"bp", "frfb", "urfb", "urfb_sign", "kolen_pollack", "dfa", "usf", "brsf",
                           "frsf", "weight_mirror"}) {
    cases.push_back(Make(absl::StrCat("rule ", word), kPaper, {rule + word}));
  }
  for (const char* word : {"cross_entropy", "binary_cross_entropy", "squared"}) {
    cases.push_back(Make(absl::StrCat("loss ", word), kPaper, {loss + "{" + word + ": {}}"}));
  }
  const std::string after = "learning.propagate=after_update";
  const std::string saturated = "learning.rule_options.saturated_feedback=0.5";
  const std::string no_clip = "learning.optimizer.sgd.clip_norm=0";
  cases.push_back(Make("after_update", kPaper, {after}));
  cases.push_back(Make("saturated_feedback", kPaper, {saturated}));
  cases.push_back(Make("residual", kResidual, {}));
  cases.push_back(Make("residual, after_update", kResidual, {after, no_clip}));
  cases.push_back(Make("untied", kUntied, {}));
  cases.push_back(Make("product, float32", kProduct, {}));
  cases.push_back(Make("product, tf32", kProduct,
                       {"learning.precision=tf32", "resources.device=cuda"}, kTf32Limit));
  cases.push_back(Make("product, bf16", kProduct, {"learning.precision=bf16"}, kBf16Limit));
  return cases;
}

}  // namespace hebb::runtime
