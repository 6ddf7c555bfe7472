// SPDX-License-Identifier: Apache-2.0
// A job over its epochs: its stages, and how the rates change. Pure.
#ifndef HEBB_COMMON_SPEC_STAGES_H_
#define HEBB_COMMON_SPEC_STAGES_H_

#include <cstdint>
#include <vector>

#include "common/spec/spec.h"

namespace hebb::spec {

// The job as each of its stages sees it: one, or two with learning.second_stage, which names what
// is untied, redrawn and frozen from then on. `learning.epochs` is the stage's own.
std::vector<Job> StagesOf(const Job& job);

// Of a stage, over that many training records; the last one may be short. 0: drop_last left none.
int64_t StepsPerEpoch(const Job& stage, int64_t records);

// Epochs of all stages together.
int64_t TotalEpochs(const Job& job);

// What the rates are multiplied by in `epoch` (0-based, over all stages) of `epochs`.
double RateFactor(const Schedule& schedule, int64_t epoch, int64_t epochs);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_STAGES_H_
