// SPDX-License-Identifier: Apache-2.0
// What the gRPC services work on, lent by the composition root.
#ifndef HEBB_SERVER_RPC_CONTEXT_H_
#define HEBB_SERVER_RPC_CONTEXT_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/access/gate.h"
#include "server/control/change_feed.h"
#include "server/control/checkpoints.h"
#include "server/control/controller.h"
#include "server/control/rendezvous.h"
#include "server/control/worker_supply.h"
#include "server/rpc/audit_trail.h"
#include "server/rpc/queue_limits.h"
#include "server/store/blob_store.h"
#include "server/store/job_store.h"
#include "server/store/log_store.h"

namespace hebb::rpc {

// What one caller may ask of the service.
struct Limits {
  int streams_max = 16384;        // Watch, WatchList and Logs, of all
  int streams_of_one_max = 2048;  // of one person
  int64_t free_disk_min = 0;      // bytes that uploads of users leave free
  QueueLimits queued = {};
};

// What the service says of itself (GetInfo).
struct Self {
  std::string build;
  std::string state_dir;
  absl::Time started;
};

// All thread-safe; they outlive the services.
struct Context {
  store::JobStore& jobs;
  store::BlobStore& blobs;
  store::LogStore& logs;
  control::ChangeFeed& feed;
  control::Checkpoints& checkpoints;
  control::Rendezvous& rendezvous;
  control::Controller& controller;
  AuditTrail& audit;
  access::Gate* gate = nullptr;  // null: callers are not authenticated
  Limits limits = {};
  Self self = {};
  const control::WorkerSupply* supply = nullptr;  // null: no cluster is asked for workers
};

// Bounds the long-lived streams of clients, of all and of each. Thread-safe.
class StreamSlots {
 public:
  StreamSlots(int max, int max_of_one) : max_(max), max_of_one_(max_of_one) {}

  bool Take(const std::string& caller) {
    absl::MutexLock lock(&mutex_);
    int& own = open_[caller];
    if (all_ >= max_ || own >= max_of_one_) return false;
    ++own;
    ++all_;
    return true;
  }
  void Give(const std::string& caller) {
    absl::MutexLock lock(&mutex_);
    --all_;
    if (--open_[caller] == 0) open_.erase(caller);
  }

 private:
  const int max_;
  const int max_of_one_;
  absl::Mutex mutex_;
  int all_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> open_ ABSL_GUARDED_BY(mutex_);  // by caller
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_CONTEXT_H_
