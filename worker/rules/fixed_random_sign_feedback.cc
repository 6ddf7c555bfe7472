// SPDX-License-Identifier: Apache-2.0
// frSF (Liao et al. 2016): B = |R| .* sign(W), R fixed.
#include "worker/rules/builtin.h"
#include "worker/rules/signs.h"

namespace hebb::rules {
namespace {

class FixedRandomSignFeedback : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kDerived; }
  void Derive(const ConstMatrices& matrices, float, std::span<float> signal) const override {
    MagnitudeWithSignInto(matrices.feedback, matrices.forward, signal);
  }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
  }
  Formula formula() const override { return {.signal = Formula::Signal::kMagnitudeOfFeedback}; }
};

}  // namespace

std::unique_ptr<Rule> MakeFixedRandomSignFeedback() {
  return std::make_unique<FixedRandomSignFeedback>();
}

}  // namespace hebb::rules
