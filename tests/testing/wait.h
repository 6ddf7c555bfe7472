// SPDX-License-Identifier: Apache-2.0
// The one place where tests let time pass.
#ifndef HEBB_TESTS_TESTING_WAIT_H_
#define HEBB_TESTS_TESTING_WAIT_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace hebb::testing_support {

// For conditions that nobody can notify, such as another process's files: looks every few
// milliseconds until `condition` holds (true) or `limit` has passed (false).
template <typename Condition>
bool WaitUntil(Condition condition, absl::Duration limit = absl::Seconds(20)) {
  const absl::Time end = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() >= end) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

// Moves what follows to some moment within what another thread or process is doing. A test that
// uses it is right at any moment.
inline void LetTimePass(absl::Duration duration) { absl::SleepFor(duration); }

}  // namespace hebb::testing_support

#endif  // HEBB_TESTS_TESTING_WAIT_H_
