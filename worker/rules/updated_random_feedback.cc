// SPDX-License-Identifier: Apache-2.0
// URFB: the error returns through R, and R takes the same local update as W (Amit 2019, section 3):
// W -= eta G, R -= eta_R G. With equal rates R - W never changes.
#include "worker/rules/builtin.h"

namespace hebb::rules {
namespace {

class UpdatedRandomFeedback : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kFeedback; }
  bool updates_feedback() const override { return true; }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
    Descend(step.feedback_descent, step.feedback_gradient, step.feedback);
  }
  Formula formula() const override { return {.feedback = Formula::Feedback::kDescends}; }
};

}  // namespace

std::unique_ptr<Rule> MakeUpdatedRandomFeedback() {
  return std::make_unique<UpdatedRandomFeedback>();
}

}  // namespace hebb::rules
