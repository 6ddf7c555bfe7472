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
std::unique_ptr<Rule> MakeSignOfUpdatedFeedback();
std::unique_ptr<Rule> MakeKolenPollack(float decay);
std::unique_ptr<Rule> MakeDirectFeedbackAlignment();
std::unique_ptr<Rule> MakeUniformSignFeedback();
std::unique_ptr<Rule> MakeBatchwiseRandomSignFeedback();
std::unique_ptr<Rule> MakeFixedRandomSignFeedback();
std::unique_ptr<Rule> MakeWeightMirror(float mirror_rate);

}  // namespace hebb::rules

#endif  // HEBB_WORKER_RULES_BUILTIN_H_
