// SPDX-License-Identifier: Apache-2.0
// How many workers to ask the cluster for, and which to let go. Pure, like the scheduler.
#ifndef HEBB_SERVER_LAUNCHER_PLAN_H_
#define HEBB_SERVER_LAUNCHER_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/launcher/launcher.h"

namespace hebb::launcher {

struct PlanOptions {
  int64_t max_workers = 0;  // asked for and not let go, at once; standing workers do not count
  std::string any_device = "cpu";                   // what to ask for where a job takes any device
  absl::Duration idle_after = absl::Minutes(5);     // a worker idle for so long is let go
  absl::Duration attach_within = absl::Minutes(5);  // from its start until it has attached
};

// A job that could use more workers: queued, or running with fewer than it may have.
struct Wanting {
  std::string job;
  std::string device;  // cpu | cuda | any
  int64_t most = 1;    // workers that it could still take
  int64_t least = 1;   // without so many it does not start; 0: it runs
  spec::Slurm slurm = {};
  friend bool operator==(const Wanting&, const Wanting&) = default;
};

// A worker that was asked for and is not gone.
struct Held {
  std::string name;
  std::string device;
  LaunchState state = LaunchState::kPending;
  bool attached = false;
  bool idle = false;  // attached, and in no gang
  absl::Time asked;
  absl::Time running_since = absl::InfiniteFuture();
  absl::Time idle_since = absl::InfiniteFuture();
  bool letting_go = false;  // it was told to end
};

struct PlanView {
  std::vector<Wanting> wanting;                  // in the order of the queue
  std::map<std::string, int64_t> standing_idle;  // by device: idle workers nobody asked for
  std::vector<Held> held;
  absl::Time ask_not_before = absl::InfinitePast();  // the pause after a refusal
};

struct LetGo {
  std::string name;
  std::string why;
  bool failed = false;  // it did not attach in time
};

struct Plan {
  struct Ask {
    std::string device;
    std::string job;  // for which
  };
  std::vector<Ask> asks;
  std::vector<LetGo> let_go;
  // Jobs for which nothing can be asked, and why: "it needs 8 workers, --launcher-max-workers is
  // 4".
  std::map<std::string, std::string> refused;
  absl::Time look_again = absl::InfiniteFuture();  // something falls due then
};

// Rules:
// 1. Jobs are served in their order. Each takes of the idle workers of its device, then of those
//    that were asked for and have not attached; what it still lacks is asked for, as long as no
//    more than max_workers are held. A job that cannot have its `least` gets nothing asked for: a
//    gang is all or nothing, and half of one would wait for ever.
// 2. Nothing is asked for before ask_not_before.
// 3. A worker that is pending and that no job wants is let go, the youngest first.
// 4. A worker that has been idle for idle_after, and that no job wants, is let go.
// 5. A worker that runs for attach_within and has not attached is let go as failed.
// A worker in a gang is never let go.
Plan MakePlan(const PlanOptions& options, const PlanView& view, absl::Time now);

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_PLAN_H_
