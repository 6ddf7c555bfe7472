// SPDX-License-Identifier: Apache-2.0
// uSF (Liao et al. 2016; scale of Sanfiz and Akrout 2021): B = sqrt(2 / (fan_in + fan_out))
// sign(W). No R.
#include "worker/rules/builtin.h"
#include "worker/rules/signs.h"

namespace hebb::rules {
namespace {

class UniformSignFeedback : public Rule {
 public:
  Carrier carrier() const override { return Carrier::kDerived; }
  bool keeps_feedback() const override { return false; }
  void Derive(const ConstMatrices& matrices, float scale, std::span<float> signal) const override {
    SignInto(matrices.forward, signal);
    Shrink(scale, signal);
  }
  void Update(const LayerStep& step) const override {
    Descend(step.descent, step.gradient, step.forward);
  }
  Formula formula() const override { return {.signal = Formula::Signal::kSignOfForward}; }
};

}  // namespace

std::unique_ptr<Rule> MakeUniformSignFeedback() { return std::make_unique<UniformSignFeedback>(); }

}  // namespace hebb::rules
