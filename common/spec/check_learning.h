// SPDX-License-Identifier: Apache-2.0
// What of `learning` cannot work, or would have no effect: options that fit each other, the rule
// and the network. check.cc asks it.
#ifndef HEBB_COMMON_SPEC_CHECK_LEARNING_H_
#define HEBB_COMMON_SPEC_CHECK_LEARNING_H_

#include <string>
#include <vector>

#include "common/spec/spec.h"

namespace hebb::spec {

struct LearningProblem {
  std::string path;  // of the key
  std::string text;  // "cause; remedy"
};

std::vector<LearningProblem> CheckLearning(const Job& job);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_CHECK_LEARNING_H_
