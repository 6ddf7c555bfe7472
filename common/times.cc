// SPDX-License-Identifier: Apache-2.0
#include "common/times.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace hebb {
namespace {

using absl::Duration;
using absl::Hours;
using absl::Milliseconds;
using absl::Minutes;
using absl::Seconds;

}  // namespace

absl::StatusOr<Duration> ParseDetectWithin(absl::string_view text) {
  Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= kDetectWithinMin &&
      duration <= kDetectWithinMax) {
    return duration;
  }
  return absl::InvalidArgumentError(
      absl::StrCat(text, " is no duration from ", absl::FormatDuration(kDetectWithinMin), " to ",
                   absl::FormatDuration(kDetectWithinMax), ", such as 2s"));
}

Times::Times(Duration detect)
    : detect_within(detect),
      heartbeat(detect / 4),
      look(std::clamp(detect / 8, Milliseconds(5), Milliseconds(250))),
      standstill(detect / 2),
      same_moment(detect - heartbeat),
      grace(std::max(3 * detect, Seconds(5))),
      lease(std::max(4 * detect, Seconds(60))),
      keepalive(std::max(detect, Seconds(20))),
      keepalive_answer(std::max(detect, Seconds(10))),
      collective(std::max(3 * detect, Seconds(30))),
      form(std::max(3 * detect, Seconds(30))),
      sync(std::max(3 * detect, Seconds(60))),
      prepare(std::max(3 * detect, Hours(1))),
      leave(std::max(3 * detect, Minutes(5))),
      stop(std::max(3 * detect, Minutes(2))),
      finish(std::max(3 * detect, Hours(1))) {}

std::vector<TimeRow> Explain(const Times& t) {
  return {
      {"detect within", t.detect_within, "--detect-within",
       "a worker is lost when nothing was heard of it for so long"},
      {"heartbeat", t.heartbeat, "detect / 4",
       "a worker says that it lives, from a thread that never computes; three may be late"},
      {"look", t.look, "detect / 8, from 5 ms to 250 ms",
       "the coordinator looks who is silent, so a loss shows at most this much later"},
      {"standstill", t.standstill, "detect / 2",
       "the coordinator itself stood still for so long: no worker is blamed for the silence"},
      {"same moment", t.same_moment, "detect - heartbeat",
       "all streams of a gang silent for so long at once: the network, nobody is lost"},
      {"grace", t.grace, "max(3 detect, 5s)",
       "after the first of a gang that was out of reach is back, the others may follow"},
      {"lease", t.lease, "max(4 detect, 1m)",
       "a gang that nobody hears of is left alone; then a new attempt starts"},
      {"keepalive", t.keepalive, "max(detect, 20s)",
       "the coordinator probes a connection on which nothing came"},
      {"keepalive answer", t.keepalive_answer, "max(detect, 10s)",
       "a connection that does not answer the probe is closed"},
      {"collective", t.collective, "max(3 detect, 30s, 10 median steps)",
       "one sum over the gang gives up; the members report and form a new generation"},
      {"form", t.form, "max(3 detect, 30s)", "building a communicator gives up likewise"},
      {"sync", t.sync, "max(3 detect, 1m)",
       "handing the state to members that are behind gives up likewise"},
      {"prepare", t.prepare, "max(3 detect, 1h)",
       "from Assign to the first report (fetching data, loading); else the member is lost"},
      {"leave", t.leave, "max(3 detect, 5m, 10 slowest steps)",
       "from LeaveGang to the report (one step); else the member is lost"},
      {"stop", t.stop, "max(3 detect, 2m, 10 slowest steps)",
       "from Stop to all results; else the attempt ends as asked, without the rest"},
      {"finish", t.finish, "max(3 detect, 1h)",
       "from a rank's end to rank 0's result (its upload); else a new generation is formed"},
  };
}

std::string TimesReference() {
  std::string table = "| Time | By default | Rule | What it is for |\n|---|---|---|---|\n";
  for (const TimeRow& row : Explain(Times())) {
    absl::StrAppend(&table, "| ", row.name, " | ", absl::FormatDuration(row.value), " | ", row.rule,
                    " | ", row.meaning, " |\n");
  }
  return table;
}

}  // namespace hebb
