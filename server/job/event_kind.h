// SPDX-License-Identifier: Apache-2.0
// The closed list of what can happen to a job (docs/operations.md). Pure.
#ifndef HEBB_SERVER_JOB_EVENT_KIND_H_
#define HEBB_SERVER_JOB_EVENT_KIND_H_

#include <array>
#include <optional>

#include "absl/strings/string_view.h"

namespace hebb::job {

// Words of files and of the API: one is added at will, none is renamed.
inline constexpr std::array<absl::string_view, 25> kEventKinds = {
    "submitted",          // by its user
    "started",            // an attempt got its workers
    "failed",             // an attempt could not begin
    "generation",         // a gang was formed
    "gang",               // a gang broke, or is out of reach
    "worker_joins",       //
    "worker_lost",        //
    "worker_left_out",    // it could not prepare for this job
    "drain",              // a worker is to leave at the next step
    "worker_drained",     // it has left
    "preempted",          // a job of higher priority needs its workers
    "attempt_succeeded",  //
    "attempt_failed",     //
    "attempt_lost",       //
    "attempt_cancelled",  //
    "attempt_paused",     //
    "attempt_preempted",  //
    "coordinator_restarted",
    "checkpoint_damaged",  //
    "cancel",              // asked for, as the next four
    "pause",               //
    "resume",              //
    "archive",             //
    "unarchive",           //
    "files_removed",       // its log and its checkpoints, by retention
};

// One of the list: the compiler refuses a literal that is not in it. Default: none, of an event
// from before kinds.
class EventKind {
 public:
  constexpr EventKind() = default;
  consteval EventKind(const char* word) : word_(Listed(word)) {}  // NOLINT: literals are kinds

  static std::optional<EventKind> FromWord(absl::string_view word) {
    for (const absl::string_view listed : kEventKinds) {
      if (listed == word) return EventKind(listed, 0);
    }
    return std::nullopt;
  }

  constexpr absl::string_view word() const { return word_; }
  friend constexpr bool operator==(const EventKind&, const EventKind&) = default;

 private:
  constexpr EventKind(absl::string_view listed, int) : word_(listed) {}
  // Not constexpr, so that a constant cannot be made by it.
  static absl::string_view WordIsNotInTheList() { return ""; }
  static consteval absl::string_view Listed(absl::string_view word) {
    for (const absl::string_view listed : kEventKinds) {
      if (listed == word) return listed;
    }
    return WordIsNotInTheList();
  }

  absl::string_view word_ = "";  // lives in the list
};

}  // namespace hebb::job

#endif  // HEBB_SERVER_JOB_EVENT_KIND_H_
