// SPDX-License-Identifier: Apache-2.0
#include "tests/testing/jump_clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<long> offset_seconds{0};

}  // namespace

// Before the C library's for all of this program's libraries.
extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && clock == CLOCK_REALTIME) time->tv_sec += offset_seconds.load();
  return static_cast<int>(result);
}

namespace hebb::testing_support {

JumpedClock::JumpedClock(absl::Duration offset) {
  offset_seconds = static_cast<long>(absl::ToInt64Seconds(offset));
}

JumpedClock::~JumpedClock() { offset_seconds = 0; }

}  // namespace hebb::testing_support
