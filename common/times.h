// SPDX-License-Identifier: Apache-2.0
// The one knob, `detect_within`, and every time that follows from it: who beats how often, who is
// lost when, and which waits end by themselves. The coordinator and its workers take them from here
// and from nowhere else; docs/gang_protocol.md has the table. Pure.
#ifndef HEBB_COMMON_TIMES_H_
#define HEBB_COMMON_TIMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb {

// How long a worker may be silent before it is lost.
inline constexpr absl::Duration kDetectWithinDefault = absl::Seconds(2);
// Below, the pauses of a busy machine are taken for deaths; above, nobody would wait for it.
inline constexpr absl::Duration kDetectWithinMin = absl::Milliseconds(100);
inline constexpr absl::Duration kDetectWithinMax = absl::Minutes(10);

// "2s". INVALID_ARGUMENT: no duration, or not from kDetectWithinMin to kDetectWithinMax.
absl::StatusOr<absl::Duration> ParseDetectWithin(absl::string_view text);

// Consistent for every detect_within from kDetectWithinMin to kDetectWithinMax
// (unit.common.times). A heartbeat comes from a thread that never computes, and every deadline of
// work is a backstop far behind detect_within, so a slow step is never a death.
struct Times {
  explicit Times(absl::Duration detect_within = kDetectWithinDefault);

  absl::Duration detect_within;

  // ---- judging silence ---------------------------------------------------------------------
  absl::Duration heartbeat;    // between two of a worker
  absl::Duration look;         // between two looks of the coordinator at who is silent
  absl::Duration standstill;   // the coordinator itself slept so long: silence was its own
  absl::Duration same_moment;  // all silent for so long at once: the network, not the workers
  absl::Duration grace;        // for the rest of a gang, from the first that comes back
  absl::Duration lease;        // a gang that nobody hears of is left alone so long
  // The coordinator gives a silent connection up after both. Never before its worker counts as
  // silent: a stream that ends while its worker is in touch means that the process died.
  absl::Duration keepalive;
  absl::Duration keepalive_answer;

  // ---- backstops of work, each for what a healthy worker does much sooner --------------------
  absl::Duration collective;  // one sum over the gang, or 10 median steps if that is longer
  absl::Duration form;        // building a communicator
  absl::Duration sync;        // handing on the state at the start of a generation
  absl::Duration prepare;     // from Assign to the first report: fetching data, loading
  absl::Duration leave;       // from LeaveGang to the report: one step; or 10 slowest steps
  absl::Duration stop;        // from Stop to all results; or 10 slowest steps
  absl::Duration finish;      // from a rank's end to rank 0's result: its upload
};

// One of them, for people.
struct TimeRow {
  std::string name;
  absl::Duration value;
  std::string rule;     // how it follows from detect_within
  std::string meaning;  // what happens within it or after it
};

// All of them, in the order above.
std::vector<TimeRow> Explain(const Times& times);

// docs/gang_protocol.md's table, for the default.
std::string TimesReference();

}  // namespace hebb

#endif  // HEBB_COMMON_TIMES_H_
