// SPDX-License-Identifier: Apache-2.0
// A Tree to a Job: keys, types, ranges and words, as schema.h has them.
#ifndef HEBB_COMMON_SPEC_READER_H_
#define HEBB_COMMON_SPEC_READER_H_

#include <vector>

#include "common/spec/spec.h"
#include "common/spec/tree.h"

namespace hebb::spec {

// Absent and null keys keep their defaults. Everything wrong is appended to `problems`, with paths
// such as "network.layers.conv1.conv.filters"; what is wrong keeps its default.
Job ReadJob(const Tree& root, std::vector<Problem>& problems);

// Groups of keys of which a map holds exactly one: the layer kinds and the losses.
std::vector<std::vector<std::string>> UnionKeys();

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_READER_H_
