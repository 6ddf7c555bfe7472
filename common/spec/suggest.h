// SPDX-License-Identifier: Apache-2.0
// "did you mean": the remedy for a mistyped word.
#ifndef HEBB_COMMON_SPEC_SUGGEST_H_
#define HEBB_COMMON_SPEC_SUGGEST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hebb::spec {

// "did you mean 'x'?" if one of `candidates` is near `word` (edit distance, at most a third of its
// length and at least 1), else "expected one of a, b, c" (or "" when there are no candidates).
std::string Suggest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_SUGGEST_H_
