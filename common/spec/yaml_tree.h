// SPDX-License-Identifier: Apache-2.0
// YAML text to a Tree. yaml-cpp stays behind this header.
#ifndef HEBB_COMMON_SPEC_YAML_TREE_H_
#define HEBB_COMMON_SPEC_YAML_TREE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "common/spec/tree.h"

namespace hebb::spec {

// Reads one YAML document. Syntax errors, duplicate keys, keys that are no scalars, and documents
// that are too large or too deep (aliases included) are appended to `problems`. `set`: the index of
// the --set that `text` is the value of, else -1.
Tree ParseYaml(absl::string_view text, int set, std::vector<Problem>& problems);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_YAML_TREE_H_
