// SPDX-License-Identifier: Apache-2.0
// BP: the error returns through W itself (paper.md 1: B = W, no R).
#include "worker/rules/builtin.h"

namespace hebb::rules {
namespace {

class Backprop : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kForward; }
  bool keeps_feedback() const override { return false; }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
  }
};

}  // namespace

std::unique_ptr<Rule> MakeBackprop() { return std::make_unique<Backprop>(); }

}  // namespace hebb::rules
