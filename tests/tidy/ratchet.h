// SPDX-License-Identifier: Apache-2.0
// Known breaches, written down with their size, which may only shrink.
#ifndef HEBB_TESTS_TIDY_RATCHET_H_
#define HEBB_TESTS_TIDY_RATCHET_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/tidy/source.h"

namespace hebb::tidy {

struct Exception {
  std::string rule;
  std::string subject;
  int value = 0;
  int line = 0;  // in exceptions.txt
};

// A line an exception: "rule subject value reason", separated by blanks; the reason is required.
// Empty lines and those that start with # are skipped. INVALID_ARGUMENT names the line.
absl::StatusOr<std::vector<Exception>> ParseExceptions(const std::string& text);

// One line for each thing to do: a breach that is not excepted, one that is worse than its
// exception, an exception that is better than written ("lower it") or unused ("remove it").
std::vector<std::string> Judge(const std::vector<Finding>& findings,
                               const std::vector<Exception>& exceptions);

}  // namespace hebb::tidy

#endif  // HEBB_TESTS_TIDY_RATCHET_H_
