// SPDX-License-Identifier: Apache-2.0
// What a gang wants done (server/control/gang.h); the control loop carries it out, in order.
#ifndef HEBB_SERVER_CONTROL_GANG_EFFECTS_H_
#define HEBB_SERVER_CONTROL_GANG_EFFECTS_H_

#include <array>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/control/messages.h"
#include "server/job/job.h"

namespace hebb::control {

enum class AttemptOutcome {
  kSucceeded,
  kFailed,
  kLost,
  kCancelled,
  kPaused,     // stopped with a checkpoint: the job is PAUSED
  kPreempted,  // stopped with a checkpoint: the job waits again
};
absl::string_view OutcomeName(AttemptOutcome outcome);  // "succeeded" ...
inline constexpr std::array kAttemptOutcomes = {
    AttemptOutcome::kSucceeded, AttemptOutcome::kFailed, AttemptOutcome::kLost,
    AttemptOutcome::kCancelled, AttemptOutcome::kPaused, AttemptOutcome::kPreempted};

struct Prepare {  // assign the attempt to `worker`
  std::string worker;
};
struct Send {
  std::string worker;
  ToWorker message;
};
// Make the generation durable and the job RUNNING before what follows it is carried out. If that
// fails, drop the rest and call Abandon.
struct Commit {
  Formation formation;
};
struct Close {  // the rendezvous of `generation` is over
  int generation = 0;
};
struct Lost {  // `worker` is a member no more
  std::string worker;
  std::string text;
  bool unfit = false;    // it could not prepare: do not ask it again soon
  bool planned = false;  // it drains: nothing is lost
};
struct Retire {  // `worker` should exit soon (its MPI world ends): give it nothing meanwhile
  std::string worker;
};
struct Note {  // for the job's events
  std::string text;
};
// The attempt is over: make it durable before what follows it is carried out.
struct End {
  AttemptOutcome outcome = AttemptOutcome::kLost;
  std::string reason;
  std::optional<AttemptResult> result;  // rank 0's, when it gave one
  std::optional<job::Failure> failure;  // failed or lost: the first fault that led to it
};
using Effect = std::variant<Prepare, Send, Commit, Close, Lost, Retire, Note, End>;
using Effects = std::vector<Effect>;

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_GANG_EFFECTS_H_
