// SPDX-License-Identifier: Apache-2.0
// `--set key.path=value`: changes to a job file's tree before it is read.
#ifndef HEBB_COMMON_SPEC_OVERRIDES_H_
#define HEBB_COMMON_SPEC_OVERRIDES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/spec/tree.h"

namespace hebb::spec {

// Applies `sets` in order; the value is YAML. List items are named by number (from 0) or by their
// `name`. `unions`: groups of keys of which a map holds one; setting one removes the others.
void ApplySets(const std::vector<std::string>& sets,
               const std::vector<std::vector<std::string>>& unions, Tree& root,
               std::vector<Problem>& problems);

// One of them, number `set`, for keys that hold dots themselves: `path` has no empty segment.
void ApplySet(const std::vector<std::string>& path, absl::string_view value, int set,
              const std::vector<std::vector<std::string>>& unions, Tree& root,
              std::vector<Problem>& problems);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_OVERRIDES_H_
