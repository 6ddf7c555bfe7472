// SPDX-License-Identifier: Apache-2.0
// Where the members of one generation exchange addresses. In a running gang this is the
// coordinator's Rendezvous service, bound to (job, attempt, generation); in tests, a map.
#ifndef HEBB_WORKER_COMM_RENDEZVOUS_H_
#define HEBB_WORKER_COMM_RENDEZVOUS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hebb::comm {

// Thread-safe.
class Rendezvous {
 public:
  virtual ~Rendezvous() = default;
  // ABORTED: this generation is over.
  virtual absl::Status Set(const std::string& key, const std::string& value) = 0;
  // Waits for the key until `deadline` of SteadyNow(). ABORTED: this generation is over or has lost
  // a member; DEADLINE_EXCEEDED.
  virtual absl::StatusOr<std::string> Get(const std::string& key, absl::Time deadline) = 0;
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_RENDEZVOUS_H_
