// SPDX-License-Identifier: Apache-2.0
#include "common/steady_clock.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace hebb {
namespace {

using Steady = std::chrono::steady_clock;

// What std::condition_variable_any gives up and takes again.
class Lock {
 public:
  explicit Lock(absl::Mutex& mutex) : mutex_(mutex) {}
  void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Lock(); }
  void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Unlock(); }

 private:
  absl::Mutex& mutex_;
};

// Far below what the clock can count; who waits for longer waits again.
constexpr absl::Duration kLongestWait = absl::Hours(1);

}  // namespace

absl::Time SteadyNow() {
  static const absl::Time wall_start = absl::Now();
  static const Steady::time_point start = Steady::now();
  return wall_start + absl::FromChrono(Steady::now() - start);
}

void SteadyCondVar::WaitUntil(absl::Mutex& mutex, absl::Time deadline) {
  const absl::Duration left = std::min(deadline - SteadyNow(), kLongestWait);
  if (left <= absl::ZeroDuration()) return;
  Lock lock(mutex);
  changed_.wait_until(lock, Steady::now() + absl::ToChronoNanoseconds(left));
}

bool SteadyCondVar::Await(absl::Mutex& mutex, absl::FunctionRef<bool()> done, absl::Time deadline) {
  while (!done()) {
    if (SteadyNow() >= deadline) return false;
    WaitUntil(mutex, deadline);
  }
  return true;
}

}  // namespace hebb
