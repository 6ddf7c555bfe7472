// SPDX-License-Identifier: Apache-2.0
// What is wrong with a job whose keys, types and ranges are right: things that do not go together.
#ifndef HEBB_COMMON_SPEC_CHECK_H_
#define HEBB_COMMON_SPEC_CHECK_H_

#include <vector>

#include "common/spec/spec.h"
#include "common/spec/tree.h"

namespace hebb::spec {

// Appends to `problems`. Sections (dataset, network, learning ...) that have a problem already are
// passed over. `root` gives the places.
void CheckJob(const Job& job, const Tree& root, std::vector<Problem>& problems);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_CHECK_H_
