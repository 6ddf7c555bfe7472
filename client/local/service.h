// SPDX-License-Identifier: Apache-2.0
// One program that `hebb up` keeps running: started again when it ends, after a pause that grows
// while it keeps ending soon, unless its exit code says that this is of no use.
#ifndef HEBB_CLIENT_LOCAL_SERVICE_H_
#define HEBB_CLIENT_LOCAL_SERVICE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/local/process.h"

namespace hebb::client {

// The pauses: 0.2 s, doubled up to 5 s; 0.2 s again after a run of 10 s. Pure.
class Backoff {
 public:
  // How long to pause after a run of `lasted`.
  absl::Duration Next(absl::Duration lasted);
  // Runs in a row that were shorter than 10 s.
  int short_runs() const { return short_runs_; }

 private:
  int short_runs_ = 0;
};

// Main thread only.
class Service {
 public:
  // `final_code`: the exit code after which it is not started again; -1: none.
  Service(std::string name, SpawnOptions options, int final_code = -1);

  // Starts the program unless it runs, its pause is not over, or it has given up.
  absl::Status StartIfDue(absl::Time now);
  // Takes note that the process has been reaped; returns "exit code 1" or "signal 9".
  std::string Ended(int wait_status, absl::Time now);

  bool running() const { return id_.pid != 0; }
  const ProcessId& id() const { return id_; }
  const std::string& name() const { return name_; }
  const std::string& log_path() const { return options_.log_path; }
  // It ended with its final code.
  bool given_up() const { return given_up_; }
  // When it is to start again; InfiniteFuture while it runs and when it has given up.
  absl::Time due() const { return running() ? absl::InfiniteFuture() : due_; }
  absl::Time started() const { return started_; }
  int short_runs() const { return backoff_.short_runs(); }

 private:
  const std::string name_;
  const SpawnOptions options_;
  const int final_code_;
  Backoff backoff_;
  ProcessId id_;
  absl::Time started_ = absl::InfinitePast();
  absl::Time due_ = absl::InfinitePast();
  bool given_up_ = false;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_SERVICE_H_
