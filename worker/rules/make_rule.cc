// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "common/check.h"
#include "worker/rules/builtin.h"
#include "worker/rules/rule.h"

namespace hebb::rules {

std::unique_ptr<Rule> MakeRule(spec::Rule rule, const spec::RuleOptions& options) {
  switch (rule) {
    case spec::Rule::kBp:
      return MakeBackprop();
    case spec::Rule::kFrfb:
      return MakeFixedRandomFeedback();
    case spec::Rule::kUrfb:
      return MakeUpdatedRandomFeedback();
    case spec::Rule::kUrfbSign:
      return MakeSignOfUpdatedFeedback();
    case spec::Rule::kKolenPollack:
      return MakeKolenPollack(static_cast<float>(options.decay));
    case spec::Rule::kDfa:
      return MakeDirectFeedbackAlignment();
    case spec::Rule::kUsf:
      return MakeUniformSignFeedback();
    case spec::Rule::kBrsf:
      return MakeBatchwiseRandomSignFeedback();
    case spec::Rule::kFrsf:
      return MakeFixedRandomSignFeedback();
    case spec::Rule::kWeightMirror:
      return MakeWeightMirror(static_cast<float>(options.mirror_rate));
  }
  HEBB_CHECK(false);
}

}  // namespace hebb::rules
