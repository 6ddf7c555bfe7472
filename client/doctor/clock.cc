// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/clock.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/doctor/probe.h"
#include "common/status_macros.h"
#include "common/times.h"

namespace hebb::client::doctor {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kAsks = 5;
constexpr absl::Duration kOffsetMax = absl::Seconds(1);
constexpr absl::Duration kWatch = absl::Milliseconds(350);
constexpr absl::Duration kNap = absl::Milliseconds(2);
constexpr absl::Duration kDriftMax = absl::Milliseconds(5);

std::string Signed(absl::Duration offset) {
  const double ms = absl::ToDoubleMilliseconds(offset);
  return absl::StrCat(ms < 0 ? "" : "+", ms, " ms");
}

}  // namespace

absl::StatusOr<Offset> MeasureOffset(
    const std::function<absl::StatusOr<absl::Time>()>& remote_now) {
  Offset best;
  for (int i = 0; i < kAsks; ++i) {
    const absl::Time begin = absl::Now();
    HEBB_ASSIGN_OR_RETURN(const absl::Time remote, remote_now());
    const absl::Duration round_trip = absl::Now() - begin;
    if (round_trip < best.round_trip) best = {remote - (begin + round_trip / 2), round_trip};
  }
  return best;
}

Finding JudgeOffset(const Offset& o) {
  const absl::Duration unit = absl::Microseconds(1);
  const std::string found = absl::StrCat(
      "the coordinator's clock is ", Signed(absl::Trunc(o.offset, unit)), " from ours (round trip ",
      absl::FormatDuration(absl::Trunc(o.round_trip, unit)), ")");
  if (absl::AbsDuration(o.offset) - o.round_trip / 2 <= kOffsetMax)
    return Ok("clock.offset", found);
  return Warning("clock.offset", found,
                 "synchronise both machines (NTP): ages in lists, the order of log lines and the "
                 "validity of certificates depend on it; deadlines and losses do not");
}

ClockFacts WatchClocks() {
  ClockFacts facts;
  facts.source = FirstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  const absl::Time wall = absl::Now();
  const Steady::time_point begin = Steady::now();
  const Steady::time_point end = begin + absl::ToChronoNanoseconds(kWatch);
  Steady::time_point last = begin;
  while (last < end) {
    absl::SleepFor(kNap);
    const Steady::time_point now = Steady::now();
    facts.backwards = facts.backwards || now < last;
    facts.longest_nap = std::max(facts.longest_nap, absl::FromChrono(now - last));
    last = now;
  }
  facts.drift = (absl::Now() - wall) - absl::FromChrono(Steady::now() - begin);
  return facts;
}

Findings JudgeClocks(const ClockFacts& facts, absl::Duration detect_within) {
  Findings findings;
  const std::string source =
      facts.source.empty() ? "" : absl::StrCat("source ", facts.source, ", ");
  const std::string drift =
      absl::StrCat(source, "wall clock ", Signed(facts.drift), " from the monotonic one in ",
                   absl::FormatDuration(kWatch));
  if (facts.backwards) {
    findings.push_back(Failed("clock.steady", "the monotonic clock ran backwards",
                              "choose another clock source of the kernel, or another machine"));
  } else if (absl::AbsDuration(facts.drift) > kDriftMax) {
    findings.push_back(Warning("clock.steady", drift,
                               "something sets the wall clock; let NTP slew it (times in lists and "
                               "logs are off, deadlines are not)"));
  } else if (facts.source == "hpet" || facts.source == "acpi_pm" || facts.source == "jiffies") {
    findings.push_back(Warning("clock.steady", absl::StrCat("slow clock source ", facts.source),
                               "use tsc or the hypervisor's clock, if the machine has it"));
  } else {
    findings.push_back(Ok("clock.steady", drift));
  }
  const Times times(detect_within);
  const std::string nap =
      absl::StrCat("a thread slept up to ",
                   absl::FormatDuration(absl::Trunc(facts.longest_nap, absl::Microseconds(100))),
                   " instead of ", absl::FormatDuration(kNap));
  if (facts.longest_nap > times.heartbeat) {
    findings.push_back(Warning(
        "clock.pauses",
        absl::StrCat(nap, ", more than a heartbeat of ", absl::FormatDuration(times.heartbeat)),
        "take load from this machine, or give the coordinator a longer --detect-within"));
  } else {
    findings.push_back(Ok("clock.pauses", nap));
  }
  return findings;
}

}  // namespace hebb::client::doctor
