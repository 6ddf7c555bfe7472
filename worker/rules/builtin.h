// SPDX-License-Identifier: Apache-2.0
// The rules that come with Hebb, for make_rule.cc.
#ifndef HEBB_WORKER_RULES_BUILTIN_H_
#define HEBB_WORKER_RULES_BUILTIN_H_

#include <memory>

#include "worker/rules/rule.h"

namespace hebb::rules {

std::unique_ptr<Rule> MakeBackprop();
std::unique_ptr<Rule> MakeFixedRandomFeedback();
std::unique_ptr<Rule> MakeUpdatedRandomFeedback();

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_BUILTIN_H_
