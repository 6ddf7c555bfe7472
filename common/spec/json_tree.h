// SPDX-License-Identifier: Apache-2.0
// JSON text to a Tree and back. The JSON library stays behind this header.
#ifndef HEBB_COMMON_SPEC_JSON_TREE_H_
#define HEBB_COMMON_SPEC_JSON_TREE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/tree.h"

namespace hebb::spec {

// INVALID_ARGUMENT for text that is no JSON. Numbers may be strings, as protobuf writes int64.
absl::StatusOr<Tree> TreeFromJson(absl::string_view json);

// One line, keys in the tree's order; scalars that are not `quoted` are written as they are.
std::string TreeToJson(const Tree& tree);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_JSON_TREE_H_
