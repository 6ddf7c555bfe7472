// SPDX-License-Identifier: Apache-2.0
// What an audit says (docs/audit.md), whatever device it ran on.
#ifndef HEBB_WORKER_ENGINE_AUDIT_NOTES_H_
#define HEBB_WORKER_ENGINE_AUDIT_NOTES_H_

#include <vector>

#include "common/spec/spec.h"
#include "worker/engine/engine.h"
#include "worker/engine/plan.h"

namespace hebb::engine {

using LayerErrors = std::vector<std::vector<float>>;  // by layer; empty where there is none

// Adds the highest layer whose error is not the same bits with the parameter's W poisoned, if there
// is one.
void AddRead(const Plan& plan, const LayerErrors& clean, const LayerErrors& poisoned, int parameter,
             AuditReport& report);

// Adds what is not local although no forward weight is read backwards.
void AddNotes(const Plan& plan, const spec::Loss& loss, AuditReport& report);

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_AUDIT_NOTES_H_
