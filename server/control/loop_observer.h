// SPDX-License-Identifier: Apache-2.0
// What the control loop tells of its work as it does it, for metrics.
#ifndef HEBB_SERVER_CONTROL_LOOP_OBSERVER_H_
#define HEBB_SERVER_CONTROL_LOOP_OBSERVER_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::control {

// Called on the loop's thread: returns at once. Each method does nothing unless it is overridden.
class LoopObserver {
 public:
  virtual ~LoopObserver() = default;

  // A job's first attempt starts, so long after it was submitted.
  virtual void QueueWaited(absl::Duration /*wait*/) {}
  // "started", "preempted", or scheduler::WaitReasonName for a job that waits for another reason
  // than before.
  virtual void Decided(absl::string_view /*decision*/) {}
  // A new attempt has to do so many completed steps again.
  virtual void StepsLost(int64_t /*steps*/) {}
  // An attempt's end is durable; `outcome`: OutcomeName.
  virtual void AttemptEnded(absl::string_view /*outcome*/) {}
};

inline LoopObserver* Unobserved() {
  static LoopObserver nobody;
  return &nobody;
}

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_LOOP_OBSERVER_H_
