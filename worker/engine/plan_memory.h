// SPDX-License-Identifier: Apache-2.0
// Which memory each output and each delta of a planned network lives in.
//
// An output is kept for all of the rank's rows where the way down reads it, or a layer of another
// pass. One that only its own pass's way up reads needs memory for the rows under way, one slice to
// a thread, which stays in the cache. So does that of a normalisation over the batch which only its
// own pass reads: the way down makes it again from the input, which it needs anyway, for the price
// of reading it from memory.
#ifndef HEBB_WORKER_ENGINE_PLAN_MEMORY_H_
#define HEBB_WORKER_ENGINE_PLAN_MEMORY_H_

#include "common/spec/spec.h"
#include "worker/engine/plan.h"

namespace hebb::engine {

// Fills in deliveries, slots and what is made again. REQUIRES: layers and passes are planned.
void PlanMemory(const spec::Learning& learning, Plan& plan);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_PLAN_MEMORY_H_
