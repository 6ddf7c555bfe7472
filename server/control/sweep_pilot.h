// SPDX-License-Identifier: Apache-2.0
// Carries out what successive halving decides over the runs of sweeps (halving.h).
#ifndef HEBB_SERVER_CONTROL_SWEEP_PILOT_H_
#define HEBB_SERVER_CONTROL_SWEEP_PILOT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/sweep/sweep_file.h"
#include "server/control/change_feed.h"
#include "server/control/halving.h"
#include "server/control/rounds.h"
#include "server/store/job_store.h"

namespace hebb::control {

// Whether halving cancelled the job: it is no failure of its sweep.
bool IsStoppedEarly(const job::Job& job);

// Keeps nothing of its own: after a restart it decides anew from the records. Borrows what it is
// given. Start and Stop from one thread.
class SweepPilot {
 public:
  // `wake`: jobs were changed for the control loop.
  SweepPilot(store::JobStore& jobs, ChangeFeed& feed, std::function<void()> wake)
      : jobs_(jobs), feed_(feed), wake_(std::move(wake)) {}
  ~SweepPilot() { Stop(); }

  void Start();
  void Stop();  // idempotent

  // Looks at all sweeps once. From one thread at a time.
  absl::Status Look();

 private:
  absl::Time Round();
  absl::Status FindHalvings();
  absl::Status Steer(const std::string& sweep, const sweep::Halving& halving);
  absl::Status CarryOut(const HalvingSteps& steps, const sweep::Halving& halving);
  absl::StatusOr<HalvingRun> RunOf(const job::Job& job, const sweep::Halving& halving);

  store::JobStore& jobs_;
  ChangeFeed& feed_;
  const std::function<void()> wake_;
  std::set<std::string> settled_;                            // sweeps that need no look any more
  std::map<std::string, sweep::Halving> halvings_;           // of the others
  std::map<std::string, std::map<int64_t, double>> scores_;  // by job, then epoch

  absl::Mutex mutex_;
  bool new_sweeps_ ABSL_GUARDED_BY(mutex_) = true;  // that were not looked at

  Rounds rounds_{absl::Milliseconds(100), [this] { return Round(); }};
  std::optional<ChangeFeed::Subscription> changes_;      // of any job
  std::optional<ChangeFeed::Subscription> submissions_;  // of sweeps
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_SWEEP_PILOT_H_
