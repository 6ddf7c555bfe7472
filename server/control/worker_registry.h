// SPDX-License-Identifier: Apache-2.0
// The workers that are attached, and what each is doing. Bookkeeping of the control loop.
#ifndef HEBB_SERVER_CONTROL_WORKER_REGISTRY_H_
#define HEBB_SERVER_CONTROL_WORKER_REGISTRY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/control/messages.h"
#include "server/scheduler/scheduler.h"

namespace hebb::control {

// One attached worker's way out. Thread-safe. Shared: the stream's threads and the control loop
// let go of it in either order.
class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  // Queues a message; never blocks. False when the stream has ended or its queue is full (then the
  // stream is ended: the worker attaches again and is told what it missed).
  virtual bool Send(const ToWorker& message) = 0;
  // Ends the stream once what is queued has been sent.
  virtual void Close() = 0;
};

using Session = uint64_t;

struct WorkerEntry {
  WorkerFacts facts;
  Session session = 0;
  std::shared_ptr<WorkerLink> link;  // null: its stream ended
  absl::Time attached;               // by the wall clock, for people
  absl::Time last_heartbeat;         // likewise
  absl::Time last_heard;             // by the loop's clock
  // Expected to exit until then. One that is still here has outlived the fault.
  absl::Time retired_until = absl::InfinitePast();  // by the loop's clock
  std::string job;                                  // of the attempt it is a member of
  bool draining = false;  // is to be given nothing more; kept over its reconnects
};

// What the world may see of a worker.
struct WorkerView {
  WorkerFacts facts;
  std::string state;  // idle | busy | draining | silent
  std::string job;
  absl::Time attached;
  absl::Time last_heartbeat;
};

// One thread: the control loop.
class WorkerRegistry {
 public:
  explicit WorkerRegistry(absl::Duration detect_within) : detect_within_(detect_within) {}

  // A new stream of a worker; an older one of the same worker is closed.
  WorkerEntry& Attach(Session session, const WorkerFacts& facts, std::shared_ptr<WorkerLink> link,
                      absl::Time now);
  // Null unless `session` is the worker's current one.
  WorkerEntry* OfSession(Session session);
  WorkerEntry* Find(const std::string& worker);
  void Remove(const std::string& worker);
  void Send(const std::string& worker, const ToWorker& message);

  // None is a member of `job` any more.
  void FreeAllOf(const std::string& job);
  // Gives `worker` nothing to do until then: it should exit meanwhile.
  void Retire(const std::string& worker, absl::Time until);

  // Forgets workers that have been away for detect_within and belong to no gang. True if that, or
  // the end of a retirement, changed what the scheduler sees.
  bool Sweep(absl::Time now);
  void ForgiveSilence(absl::Time now);
  void CloseAll();

  bool IsIdle(const WorkerEntry& entry, absl::Time now) const;
  std::vector<scheduler::IdleWorker> Idle(absl::Time now) const;
  // The workers that attempts hold, by job.
  std::map<std::string, std::vector<scheduler::IdleWorker>> Busy() const;
  std::vector<WorkerView> Views(absl::Time now) const;

 private:
  bool IsSilent(const WorkerEntry& entry, absl::Time now) const;

  const absl::Duration detect_within_;
  std::map<std::string, WorkerEntry> workers_;  // by id
  std::map<Session, std::string> sessions_;
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_WORKER_REGISTRY_H_
