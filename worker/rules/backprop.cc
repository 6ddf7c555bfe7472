// SPDX-License-Identifier: Apache-2.0
// BP: the error returns through W itself (paper.md 1: B = W, no R).
#include "worker/rules/builtin.h"
#include "worker/rules/sgd.h"

namespace hebb::rules {
namespace {

class Backprop : public Rule {
 public:
  bool keeps_feedback() const override { return false; }

  std::span<const float> Signal(const ConstMatrices& matrices) const override {
    return matrices.forward;
  }

  void Update(std::span<const float> gradient, const Rates& rates,
              const Matrices& matrices) const override {
    SgdStep(matrices.forward, gradient, rates.forward, matrices.forward);
  }

  void NextSignal(std::span<const float> gradient, const Rates& rates,
                  const ConstMatrices& matrices, std::span<float> next) const override {
    SgdStep(matrices.forward, gradient, rates.forward, next);
  }
};

}  // namespace

std::unique_ptr<Rule> MakeBackprop() { return std::make_unique<Backprop>(); }

}  // namespace hebb::rules
