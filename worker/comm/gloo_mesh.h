// SPDX-License-Identifier: Apache-2.0
// A full mesh of gloo connections that another thread can break off while it forms. (The library's
// own connectFullMesh waits for a dead peer five times its timeout, and nothing wakes it.)
#ifndef HEBB_WORKER_COMM_GLOO_MESH_H_
#define HEBB_WORKER_COMM_GLOO_MESH_H_

#include <gloo/context.h>

#include <exception>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "worker/comm/communicator.h"
#include "worker/comm/rendezvous.h"

namespace hebb::comm {

// One thread forms; Break may be called from any thread.
class GlooMesh : public gloo::Context {
 public:
  explicit GlooMesh(Topology topology) : gloo::Context(topology.rank, topology.size) {}

  // Binds to `host`, publishes this rank's addresses, connects to all others. Errors: ABORTED
  // (broken off), DEADLINE_EXCEEDED, UNAVAILABLE (a peer refused), INVALID_ARGUMENT (`host` is not
  // an address of this machine), the rendezvous's own.
  absl::Status Form(const std::string& host, Rendezvous& rendezvous, absl::Time deadline);

  // Ends a Form under way or to come; does nothing to a mesh that is complete.
  void Break();

 private:
  enum class Stage { kForming, kComplete, kBroken };

  absl::Status FormUnwatched(const std::string& host, Rendezvous& rendezvous, absl::Time deadline);
  absl::Status CreatePairs(const std::string& host, std::string& addresses);
  absl::StatusOr<std::string> AddressesOf(int peer, Rendezvous& rendezvous, absl::Time deadline);
  absl::Status ConnectTo(int peer, const std::string& addresses);
  absl::Status CheckForming();

  absl::Mutex mutex_;
  Stage stage_ ABSL_GUARDED_BY(mutex_) = Stage::kForming;
};

// What an exception of gloo says, without the library's source line.
std::string GlooMessage(const std::exception& error);

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_GLOO_MESH_H_
