// SPDX-License-Identifier: Apache-2.0
// A learning rule: which matrix carries the error down, and what a layer's local update G does to
// its matrices W (feedforward) and R (feedback). paper.md section 1.
//
// To add a rule: one file with its class, one line in make_rule.cc. A rule that shrinks its
// matrices (Kolen-Pollack) does so in Update; one whose signal is no stored matrix (sign variants)
// needs Signal to take scratch memory. All see matrices in the layer's internal layout.
#ifndef HEBB_WORKER_RULES_RULE_H_
#define HEBB_WORKER_RULES_RULE_H_

#include <memory>
#include <span>

#include "common/spec/spec.h"

namespace hebb::rules {

// The two matrices of one layer, or the same part of each; `feedback` is empty where the rule
// keeps none.
struct Matrices {
  std::span<float> forward;   // W
  std::span<float> feedback;  // R
};
struct ConstMatrices {
  std::span<const float> forward;
  std::span<const float> feedback;
};

struct Rates {
  float forward = 0;   // eta
  float feedback = 0;  // eta_R
};

// Immutable, hence thread-safe.
class Rule {
 public:
  virtual ~Rule() = default;

  // Whether layers own an R at all.
  virtual bool keeps_feedback() const = 0;

  // B of delta_{l-1} = B^T d_l. A view of one of the matrices.
  virtual std::span<const float> Signal(const ConstMatrices& matrices) const = 0;

  // Takes the batch's summed update. Elementwise, so that any part of a layer may be updated
  // alone: the parts must be equally long.
  virtual void Update(std::span<const float> gradient, const Rates& rates,
                      const Matrices& matrices) const = 0;

  // Applies Update to the matrix behind Signal only, into `next`: what the signal passes through
  // under propagate: after_update. REQUIRES: next.size() == gradient.size().
  virtual void NextSignal(std::span<const float> gradient, const Rates& rates,
                          const ConstMatrices& matrices, std::span<float> next) const = 0;
};

std::unique_ptr<Rule> MakeRule(spec::Rule rule);

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_RULE_H_
