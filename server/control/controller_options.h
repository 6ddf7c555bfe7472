// SPDX-License-Identifier: Apache-2.0
// What the control loop is told at its start.
#ifndef HEBB_SERVER_CONTROL_CONTROLLER_OPTIONS_H_
#define HEBB_SERVER_CONTROL_CONTROLLER_OPTIONS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/steady_clock.h"
#include "common/times.h"
#include "server/control/gang.h"
#include "server/control/loop_observer.h"
#include "server/scheduler/scheduler.h"

namespace hebb::control {

struct ControllerOptions {
  Times times;
  // So many attempts lost in a row without a step gained fail the job.
  int lost_attempts_max = 5;
  // The pause before the third attempt of such a row; doubles from there, up to 30 s.
  absl::Duration retry_pause = absl::Seconds(1);
  // How long a worker that could not prepare for a job is not asked again for that job.
  absl::Duration unfit_pause = absl::Seconds(60);
  // How often the latest progress is written down.
  absl::Duration progress_every = absl::Milliseconds(500);
  std::string build;  // of this program, for the record of jobs
  scheduler::Policy policy;
  // Weights and limits by user; `default_user` holds for all others. Their usage is not read.
  std::map<std::string, scheduler::User> users;
  scheduler::User default_user;
  // After so long past use of workers counts half.
  absl::Duration usage_half_life = absl::Hours(24);
  std::function<absl::Time()> clock = SteadyNow;
  // Called by the loop when what it alone knows of a job has changed and can be seen: why it waits,
  // whether it is in reach.
  std::function<void(const std::string& job)> changed = [](const std::string&) {};
  LoopObserver* observer = Unobserved();  // borrowed
  // The last lines of a rank's log, oldest first, for the record of a failure.
  std::function<std::vector<std::string>(const std::string& job, int attempt, int rank)> log_tail;
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_CONTROLLER_OPTIONS_H_
