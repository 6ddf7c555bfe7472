// SPDX-License-Identifier: Apache-2.0
// What the gRPC services work on, lent by the composition root.
#ifndef HEBB_SERVER_RPC_CONTEXT_H_
#define HEBB_SERVER_RPC_CONTEXT_H_

#include <atomic>

#include "server/control/change_feed.h"
#include "server/control/checkpoints.h"
#include "server/control/controller.h"
#include "server/control/rendezvous.h"
#include "server/store/blob_store.h"
#include "server/store/job_store.h"

namespace hebb::rpc {

// All thread-safe; they outlive the services.
struct Context {
  store::JobStore& jobs;
  store::BlobStore& blobs;
  store::LogStore& logs;
  control::ChangeFeed& feed;
  control::Checkpoints& checkpoints;
  control::Rendezvous& rendezvous;
  control::Controller& controller;
};

// Bounds the long-lived streams of clients, each of which holds a thread. Thread-safe.
class StreamSlots {
 public:
  explicit StreamSlots(int max) : free_(max) {}
  bool Take() {
    if (free_.fetch_sub(1) > 0) return true;
    free_.fetch_add(1);
    return false;
  }
  void Give() { free_.fetch_add(1); }

 private:
  std::atomic<int> free_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_CONTEXT_H_
