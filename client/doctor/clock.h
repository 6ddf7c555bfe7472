// SPDX-License-Identifier: Apache-2.0
// Clocks: the coordinator's against ours, and whether this machine's run evenly.
#ifndef HEBB_CLIENT_DOCTOR_CLOCK_H_
#define HEBB_CLIENT_DOCTOR_CLOCK_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/doctor/finding.h"

namespace hebb::client::doctor {

// The coordinator's clock minus ours, as of the quickest of some calls; true within round_trip / 2.
struct Offset {
  absl::Duration offset;
  absl::Duration round_trip = absl::InfiniteDuration();
};

// Asks `remote_now` five times. Its first error.
absl::StatusOr<Offset> MeasureOffset(const std::function<absl::StatusOr<absl::Time>()>& remote_now);

Finding JudgeOffset(const Offset& offset);

// How this machine's clocks ran during a third of a second.
struct ClockFacts {
  bool backwards = false;      // the monotonic one
  absl::Duration drift;        // wall minus monotonic, gained meanwhile
  absl::Duration longest_nap;  // of naps of 2 ms: how long a thread may be kept from running
  std::string source;          // the kernel's: tsc, kvm-clock, hpet ...
};

ClockFacts WatchClocks();

// `detect_within`: the coordinator's, or the default.
Findings JudgeClocks(const ClockFacts& facts, absl::Duration detect_within);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_CLOCK_H_
