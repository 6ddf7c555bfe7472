// SPDX-License-Identifier: Apache-2.0
// DFA (Nokland 2016): the output error e reaches each hidden layer through a fixed random R of
// [units, classes]: delta_l = R_l e. The last layer has no R.
#include "worker/rules/builtin.h"

namespace hebb::rules {
namespace {

class DirectFeedbackAlignment : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kDirect; }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
  }
};

}  // namespace

std::unique_ptr<Rule> MakeDirectFeedbackAlignment() {
  return std::make_unique<DirectFeedbackAlignment>();
}

}  // namespace hebb::rules
