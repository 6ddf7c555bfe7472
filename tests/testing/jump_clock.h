// SPDX-License-Identifier: Apache-2.0
// The wall clock of this process, moved. Whoever calls it has its own clock_gettime linked in; the
// kernel's clock, by which absl::Mutex waits, stays as it is, and so do steady clocks.
#ifndef HEBB_TESTS_TESTING_JUMP_CLOCK_H_
#define HEBB_TESTS_TESTING_JUMP_CLOCK_H_

#include "absl/time/time.h"

namespace hebb::testing_support {

// From now on the wall clock is the true one and `offset`, until it ends. Waits of the test itself
// go wrong meanwhile, unless they are a SteadyCondVar's.
class JumpedClock {
 public:
  explicit JumpedClock(absl::Duration offset);
  ~JumpedClock();
  JumpedClock(const JumpedClock&) = delete;
  JumpedClock& operator=(const JumpedClock&) = delete;
};

}  // namespace hebb::testing_support

#endif  // HEBB_TESTS_TESTING_JUMP_CLOCK_H_
