// SPDX-License-Identifier: Apache-2.0
// FRFB: the error returns through a random R that never changes (Lillicrap et al. 2016).
#include <algorithm>

#include "worker/rules/builtin.h"
#include "worker/rules/sgd.h"

namespace hebb::rules {
namespace {

class FixedRandomFeedback : public Rule {
 public:
  bool keeps_feedback() const override { return true; }

  std::span<const float> Signal(const ConstMatrices& matrices) const override {
    return matrices.feedback;
  }

  void Update(std::span<const float> gradient, const Rates& rates,
              const Matrices& matrices) const override {
    SgdStep(matrices.forward, gradient, rates.forward, matrices.forward);
  }

  void NextSignal(std::span<const float>, const Rates&, const ConstMatrices& matrices,
                  std::span<float> next) const override {
    std::copy(matrices.feedback.begin(), matrices.feedback.end(), next.begin());
  }
};

}  // namespace

std::unique_ptr<Rule> MakeFixedRandomFeedback() { return std::make_unique<FixedRandomFeedback>(); }

}  // namespace hebb::rules
