// SPDX-License-Identifier: Apache-2.0
// A learning rule: which matrix carries the error down, and what a layer's local update G does to
// its matrices W (feedforward) and R (feedback). paper.md sections 1 and 11; docs/adding_a_rule.md.
//
// A rule is one file with its class, and one line in make_rule.cc. All of it is elementwise, so
// that rules know no layout and any part of a layer may be updated alone.
#ifndef HEBB_WORKER_RULES_RULE_H_
#define HEBB_WORKER_RULES_RULE_H_

#include <memory>
#include <span>

#include "common/spec/spec.h"
#include "worker/rules/descent.h"

namespace hebb::rules {

// The two matrices of one layer, or the same part of each; `feedback` is empty where the rule
// keeps none.
struct ConstMatrices {
  std::span<const float> forward;   // W
  std::span<const float> feedback;  // R, or the magnitudes of this step (redraws_magnitudes)
};

// What the error returns through: delta_{l-1} = B^T d_l.
enum class Carrier {
  kForward,   // B = W
  kFeedback,  // B = R
  kDerived,   // B is computed from W and R in every step (Derive)
  kDirect,    // the output error itself reaches every layer, through an R of its own
};

// One step's work on a layer, or on a part of it.
struct LayerStep {
  std::span<const float> gradient;           // G, for W
  std::span<const float> feedback_gradient;  // for R: G, unless the update is asymmetric
  Descent descent;                           // of W
  Descent feedback_descent;                  // of R
  Weights forward;
  Weights feedback;  // empty without an R
};

// The same rule in numbers, for devices whose kernels do the arithmetic (worker/gpu/): what Derive
// and Update do, entry by entry.
struct Formula {
  float shrink = 1;  // W, and R where it descends, are multiplied by it first
  enum class Feedback {
    kStays,
    kDescends,  // as W does, at its own rate
    kClimbs,    // R += climb_rate G_R
  };
  Feedback feedback = Feedback::kStays;
  float climb_rate = 0;
  enum class Signal {      // B, of kDerived
    kSignOfFeedback,       // sign R
    kSignOfForward,        // scale sign W
    kMagnitudeOfFeedback,  // |R| sign W
  };
  Signal signal = Signal::kSignOfFeedback;
};

// Immutable, hence thread-safe.
class Rule {
 public:
  virtual ~Rule() = default;

  virtual Carrier carrier() const = 0;

  // Whether layers own an R: state that is exported and, under some rules, updated.
  virtual bool keeps_feedback() const { return true; }
  virtual bool updates_feedback() const { return false; }
  // Whether a new random R is drawn for Derive in every step.
  virtual bool redraws_magnitudes() const { return false; }
  // Whether noise passes through each layer in every step and moves R (LayerStep's feedback
  // gradient is then the correlation of noise and response).
  virtual bool mirrors() const { return false; }

  // kDerived only: writes B. `scale` = sqrt(2 / (fan_in + fan_out)) of the layer. All spans are of
  // one size.
  virtual void Derive(const ConstMatrices&, float /*scale*/, std::span<float> /*signal*/) const {}

  // Takes the batch's summed update.
  virtual void Update(const LayerStep& step) const = 0;

  // Says the same as the two above.
  virtual Formula formula() const { return {}; }
};

// `options`: of the job.
std::unique_ptr<Rule> MakeRule(spec::Rule rule, const spec::RuleOptions& options);

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_RULE_H_
