// SPDX-License-Identifier: Apache-2.0
// Synchronous successive halving (Jamieson and Talwalkar 2016), as decisions over the runs of one
// sweep: all go to the first rung, the best of them to the next, and so on. Pure: what it decides
// follows from the record of the runs, so it is the same after every restart.
#ifndef HEBB_SERVER_CONTROL_HALVING_H_
#define HEBB_SERVER_CONTROL_HALVING_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/sweep/sweep_file.h"
#include "server/job/job.h"

namespace hebb::control {

struct HalvingRun {
  std::string id;
  job::State state = job::State::kQueued;
  bool stopped_early = false;  // CANCELLED by this
  bool held = false;           // PAUSED or PAUSING by this
  // At the end of each rung's epoch that it has completed: the better, the larger.
  std::map<int64_t, double> scores = {};
};

struct HalvingSteps {
  struct Stop {
    std::string id;
    int rung = 0;  // 1-based
    int place = 0;
    int of = 0;  // runs at the rung
    friend bool operator==(const Stop&, const Stop&) = default;
  };
  std::vector<std::string> hold;    // pause: they wait for the others of their rung
  std::vector<std::string> resume;  // they go on
  std::vector<Stop> stop;           // for good
};

// A run that failed or was cancelled by somebody takes no part. Runs that are equal go on in the
// order of the sweep.
HalvingSteps Halve(const sweep::Halving& halving, const std::vector<HalvingRun>& runs);

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_HALVING_H_
