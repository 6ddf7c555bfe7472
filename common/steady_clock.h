// SPDX-License-Identifier: Apache-2.0
// Time and waits that a jump of the machine's clock does not touch: heartbeats, deadlines and
// pauses go by these. absl::Now() and the waits of absl::Mutex go by the wall clock, which is for
// what people read and what is kept.
#ifndef HEBB_COMMON_STEADY_CLOCK_H_
#define HEBB_COMMON_STEADY_CLOCK_H_

#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hebb {

// The wall clock as this was first called, and the time since by a clock that neither jumps nor
// runs backwards. To be compared with itself only. Thread-safe.
absl::Time SteadyNow();

// A condition variable beside an absl::Mutex. Thread-safe.
class SteadyCondVar {
 public:
  SteadyCondVar() = default;
  SteadyCondVar(const SteadyCondVar&) = delete;
  SteadyCondVar& operator=(const SteadyCondVar&) = delete;

  // Gives `mutex` up until it is signalled, until SteadyNow() is `deadline`, or for no reason.
  void WaitUntil(absl::Mutex& mutex, absl::Time deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Waits until `done`, which is asked with `mutex` held and whose changes are signalled, at most
  // until `deadline`. Whether it is done.
  bool Await(absl::Mutex& mutex, absl::FunctionRef<bool()> done, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  void Signal() { changed_.notify_one(); }
  void SignalAll() { changed_.notify_all(); }

 private:
  std::condition_variable_any changed_;
};

}  // namespace hebb

#endif  // HEBB_COMMON_STEADY_CLOCK_H_
