// SPDX-License-Identifier: Apache-2.0
// Keeps as many workers of a cluster as the jobs want: looks at the cluster, plans (plan.h), asks
// and lets go, and tells of each job how far that has come.
#ifndef HEBB_SERVER_LAUNCHER_KEEPER_H_
#define HEBB_SERVER_LAUNCHER_KEEPER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/launcher/launcher.h"
#include "server/launcher/plan.h"

namespace hebb::launcher {

// An attached worker that was asked for.
struct Attached {
  std::string worker;  // its id
  bool idle = false;
  friend bool operator==(const Attached&, const Attached&) = default;
};

// What the coordinator knows.
struct Sight {
  std::vector<Wanting> wanting;                  // in the order of the queue
  std::map<std::string, int64_t> standing_idle;  // by device: idle workers nobody asked for
  std::map<std::string, Attached> attached;      // by the name they were asked for by
  friend bool operator==(const Sight&, const Sight&) = default;
};

struct KeeperOptions {
  std::string cluster;  // as in the names of workers (worker_name.h)
  PlanOptions plan;
  // After a worker that failed, or a cluster that does not answer; doubles up to the longest.
  absl::Duration pause = absl::Seconds(10);
  absl::Duration longest_pause = absl::Minutes(5);
};

// One thread. Borrows the launcher. Keeps nothing durable: after a restart of the coordinator the
// cluster says what was asked for.
class Keeper {
 public:
  // `withdraw`: gives an idle worker no more jobs; false if it has been given one meanwhile.
  using Withdraw = std::function<bool(const std::string& worker)>;
  Keeper(Launcher& launcher, KeeperOptions options, Withdraw withdraw)
      : launcher_(launcher), options_(std::move(options)), withdraw_(std::move(withdraw)) {}

  struct Outcome {
    std::map<std::string, std::string> notes;  // by job: what its missing workers wait for
    bool holds = false;  // workers were asked for and are not gone: look again soon
    absl::Time look_again = absl::InfiniteFuture();
  };
  // Takes as long as the cluster takes to answer.
  Outcome Turn(const Sight& sight, absl::Time now);

 private:
  struct Worker {
    Held held;
    std::string handle;  // "": not known yet
    std::string detail;  // the cluster's words
    std::string id;      // of the process that is attached; "": none is
    bool has_attached = false;
  };
  // A job whose workers the cluster refuses to start.
  struct Refusal {
    std::string words;
    absl::Duration pause = absl::ZeroDuration();
    absl::Time not_before = absl::InfinitePast();
  };

  void See(const std::vector<Observed>& observed, const Sight& sight, absl::Time now);
  void SeeAttached(const Attached* attached, absl::Time now, Worker& worker);
  void SeeOne(const Observed& observed, absl::Time now);
  void SeeEnd(const Observed& observed, absl::Time now);
  void Forget(const std::set<std::string>& observed, absl::Time now);
  void Pause(const std::string& words, absl::Time now);
  void LetGo(const Plan& plan);
  void Ask(const Plan& plan, const Sight& sight, absl::Time now);
  void Refuse(const std::string& job, const std::string& words, absl::Time now);
  absl::Time RefusedUntil(const std::string& job) const;
  std::string NewName(const std::string& device, absl::Time now);
  std::string NoteOf(const Wanting& wanting, const Plan& plan, absl::Time now) const;
  std::string Coming(const std::string& device) const;

  Launcher& launcher_;
  const KeeperOptions options_;
  const Withdraw withdraw_;
  std::map<std::string, Worker> workers_;    // by name
  std::set<std::string> ended_;              // known to be gone, and still told of by the cluster
  std::map<std::string, Refusal> refusals_;  // by job
  std::string trouble_;                      // why nothing is asked for; "": it is
  absl::Duration pause_ = absl::ZeroDuration();
  absl::Time ask_not_before_ = absl::InfinitePast();
  int64_t last_number_ = 0;
  bool looked_ = false;  // at the cluster, since the start
};

}  // namespace hebb::launcher

#endif  // HEBB_SERVER_LAUNCHER_KEEPER_H_
