// SPDX-License-Identifier: Apache-2.0
// URFB: the error returns through R, and R takes the same local update as W (Amit 2019, section 3):
// W -= eta G, R -= eta_R G. With equal rates R - W never changes.
#include "worker/rules/builtin.h"
#include "worker/rules/sgd.h"

namespace hebb::rules {
namespace {

class UpdatedRandomFeedback : public Rule {
 public:
  bool keeps_feedback() const override { return true; }

  std::span<const float> Signal(const ConstMatrices& matrices) const override {
    return matrices.feedback;
  }

  void Update(std::span<const float> gradient, const Rates& rates,
              const Matrices& matrices) const override {
    SgdStep(matrices.forward, gradient, rates.forward, matrices.forward);
    SgdStep(matrices.feedback, gradient, rates.feedback, matrices.feedback);
  }

  void NextSignal(std::span<const float> gradient, const Rates& rates,
                  const ConstMatrices& matrices, std::span<float> next) const override {
    SgdStep(matrices.feedback, gradient, rates.feedback, next);
  }
};

}  // namespace

std::unique_ptr<Rule> MakeUpdatedRandomFeedback() {
  return std::make_unique<UpdatedRandomFeedback>();
}

}  // namespace hebb::rules
