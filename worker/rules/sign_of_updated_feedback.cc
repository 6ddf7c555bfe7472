// SPDX-License-Identifier: Apache-2.0
// URFB with signs: B = sign(R), and R takes W's update (Amit's notebook of 2020, paper.md 9.2).
// sign(0) = 0: a connection that does not exist carries nothing.
#include "worker/rules/builtin.h"
#include "worker/rules/signs.h"

namespace hebb::rules {
namespace {

class SignOfUpdatedFeedback : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kDerived; }
  bool updates_feedback() const override { return true; }
  void Derive(const ConstMatrices& matrices, float, std::span<float> signal) const override {
    SignInto(matrices.feedback, signal);
  }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
    Descend(step.feedback_descent, step.feedback_gradient, step.feedback);
  }
  Formula formula() const override {
    return {.feedback = Formula::Feedback::kDescends, .signal = Formula::Signal::kSignOfFeedback};
  }
};

}  // namespace

std::unique_ptr<Rule> MakeSignOfUpdatedFeedback() {
  return std::make_unique<SignOfUpdatedFeedback>();
}

}  // namespace hebb::rules
