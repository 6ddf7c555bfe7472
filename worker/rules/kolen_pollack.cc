// SPDX-License-Identifier: Apache-2.0
// Kolen and Pollack 1994, as in Akrout et al. 2019: W = lambda W - eta G, R = lambda R - eta G, so
// that R - W shrinks by lambda in every step. lambda = 1 is URFB.
#include "worker/rules/builtin.h"

namespace hebb::rules {
namespace {

class KolenPollack : public Rule {
 public:
  explicit KolenPollack(float decay) : decay_(decay) {}
  Carrier carrier() const override { return Carrier::kFeedback; }
  bool updates_feedback() const override { return true; }
  void Update(const LayerStep& step) const override {
    Shrink(decay_, step.forward.values);
    Descend(step.descent, step.gradient, step.forward);
    Shrink(decay_, step.feedback.values);
    Descend(step.feedback_descent, step.feedback_gradient, step.feedback);
  }
  Formula formula() const override {
    return {.shrink = decay_, .feedback = Formula::Feedback::kDescends};
  }

 private:
  const float decay_;
};

}  // namespace

std::unique_ptr<Rule> MakeKolenPollack(float decay) {
  return std::make_unique<KolenPollack>(decay);
}

}  // namespace hebb::rules
