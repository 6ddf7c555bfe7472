// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "common/check.h"
#include "worker/rules/builtin.h"
#include "worker/rules/rule.h"

namespace hebb::rules {

std::unique_ptr<Rule> MakeRule(spec::Rule rule) {
  switch (rule) {
    case spec::Rule::kBp:
      return MakeBackprop();
    case spec::Rule::kFrfb:
      return MakeFixedRandomFeedback();
    case spec::Rule::kUrfb:
      return MakeUpdatedRandomFeedback();
  }
  HEBB_CHECK(false);
}

}  // namespace hebb::rules
