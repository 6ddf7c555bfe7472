// SPDX-License-Identifier: Apache-2.0
// FRFB: the error returns through a random R that never changes (Lillicrap et al. 2016).
#include "worker/rules/builtin.h"

namespace hebb::rules {
namespace {

class FixedRandomFeedback : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kFeedback; }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
  }
};

}  // namespace

std::unique_ptr<Rule> MakeFixedRandomFeedback() { return std::make_unique<FixedRandomFeedback>(); }

}  // namespace hebb::rules
