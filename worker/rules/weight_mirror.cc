// SPDX-License-Identifier: Apache-2.0
// Weight mirror (Akrout et al. 2019): beside the step, noise n passes through each layer alone, and
// R += mirror_rate * sum over the batch of y n^T, y the layer's response, so that R turns to W.
#include "worker/rules/builtin.h"

namespace hebb::rules {
namespace {

class WeightMirror : public Rule {
 public:
  explicit WeightMirror(float mirror_rate) : mirror_rate_(mirror_rate) {}
  Carrier carrier() const override { return Carrier::kFeedback; }
  bool mirrors() const override { return true; }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
    Descend({.rate = -mirror_rate_}, step.feedback_gradient, {step.feedback.values, {}});
  }
  Formula formula() const override {
    return {.feedback = Formula::Feedback::kClimbs, .climb_rate = mirror_rate_};
  }

 private:
  const float mirror_rate_;
};

}  // namespace

std::unique_ptr<Rule> MakeWeightMirror(float mirror_rate) {
  return std::make_unique<WeightMirror>(mirror_rate);
}

}  // namespace hebb::rules
