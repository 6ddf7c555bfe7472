// SPDX-License-Identifier: Apache-2.0
// brSF (Liao et al. 2016): B = |M| .* sign(W), M drawn anew, as an initial R is, in every step.
#include "worker/rules/builtin.h"
#include "worker/rules/signs.h"

namespace hebb::rules {
namespace {

class BatchwiseRandomSignFeedback : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kDerived; }
  bool keeps_feedback() const override { return false; }
  bool redraws_magnitudes() const override { return true; }
  void Derive(const ConstMatrices& matrices, float, std::span<float> signal) const override {
    MagnitudeWithSignInto(matrices.feedback, matrices.forward, signal);
  }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
  }
  Formula formula() const override { return {.signal = Formula::Signal::kMagnitudeOfFeedback}; }
};

}  // namespace

std::unique_ptr<Rule> MakeBatchwiseRandomSignFeedback() {
  return std::make_unique<BatchwiseRandomSignFeedback>();
}

}  // namespace hebb::rules
