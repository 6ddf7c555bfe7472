// SPDX-License-Identifier: Apache-2.0
// The house rules that a program can judge (docs/adr/0002). Each check is pure and gives the
// breaches it finds.
#ifndef HEBB_TESTS_TIDY_CHECKS_H_
#define HEBB_TESTS_TIDY_CHECKS_H_

#include <vector>

#include "tests/tidy/source.h"

namespace hebb::tidy {

using Findings = std::vector<Finding>;

Findings CheckLicence(const SourceFile& file);       // rule "licence": SPDX line first
Findings CheckGuard(const SourceFile& file);         // "guard": HEBB_PATH_FILE_H_
Findings CheckWidth(const SourceFile& file);         // "width": 100 columns
Findings CheckFileSize(const SourceFile& file);      // "file-size": 500 lines .cc, 250 .h
Findings CheckFunctionSize(const SourceFile& file);  // "function-size": 70 lines
Findings CheckWords(const SourceFile& file);         // "word": unfinished work, sleeps, ...

// "include": our folders include one another, and vendors' headers, only as dependencies.cc says.
Findings CheckIncludes(const SourceFile& file);

// "missing-include": who uses a header that presets precompile includes it, or a header of ours
// that does; and every precompiled header is known to this check.
Findings CheckMissingIncludes(const std::vector<SourceFile>& tree);

// "unlisted": a source that no CMakeLists.txt above it names is not built.
Findings CheckListed(const std::vector<SourceFile>& tree);

Findings CheckAll(const std::vector<SourceFile>& tree);

}  // namespace hebb::tidy

#endif  // HEBB_TESTS_TIDY_CHECKS_H_
