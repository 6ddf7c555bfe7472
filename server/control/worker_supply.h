// SPDX-License-Identifier: Apache-2.0
// Asks the cluster for workers when jobs lack them and lets them go when they are idle: a thread
// around launcher::Keeper, which tells it what the control loop and the store know.
#ifndef HEBB_SERVER_CONTROL_WORKER_SUPPLY_H_
#define HEBB_SERVER_CONTROL_WORKER_SUPPLY_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/spec/spec.h"
#include "server/control/change_feed.h"
#include "server/control/controller.h"
#include "server/control/rounds.h"
#include "server/launcher/keeper.h"
#include "server/launcher/launcher.h"
#include "server/store/job_store.h"

namespace hebb::control {

struct WorkerSupplyOptions {
  launcher::KeeperOptions keeper;
  absl::Duration look_every = absl::Seconds(5);  // at the cluster, while something is to be seen
};

// Borrows the controller, the store and the feed. Start and Stop from one thread.
class WorkerSupply {
 public:
  WorkerSupply(WorkerSupplyOptions options, std::unique_ptr<launcher::Launcher> launcher,
               Controller& controller, store::JobStore& jobs, ChangeFeed& feed);
  ~WorkerSupply() { Stop(); }

  void Start();
  // The workers stay; a coordinator that is started again finds them. Idempotent.
  void Stop();

  // What the cluster would be handed for each worker that such a job lacks. Thread-safe.
  absl::StatusOr<std::string> Show(const spec::Job& spec) const;

 private:
  // Of a job, what does not change.
  struct Ask {
    std::string device;
    int64_t workers = 1;
    int64_t min_workers = 1;
    spec::Slurm slurm;
  };

  absl::Time Look();
  absl::StatusOr<launcher::Sight> See();
  absl::StatusOr<const Ask*> AskOf(const std::string& job);
  bool Withdraw(const std::string& worker);

  const WorkerSupplyOptions options_;
  const std::unique_ptr<launcher::Launcher> launcher_;
  Controller& controller_;
  store::JobStore& jobs_;
  ChangeFeed& feed_;
  launcher::Keeper keeper_;
  std::map<std::string, Ask> asks_;          // by job
  launcher::Sight seen_;                     // at the last turn
  absl::Time again_ = absl::InfinitePast();  // to look, if nothing has changed

  Rounds rounds_{absl::Milliseconds(200), [this] { return Look(); }};
  std::optional<ChangeFeed::Subscription> changes_;  // of any job
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_WORKER_SUPPLY_H_
