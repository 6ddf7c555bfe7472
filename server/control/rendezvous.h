// SPDX-License-Identifier: Apache-2.0
// Where the members of a generation exchange addresses: keys in memory, while it lasts.
#ifndef HEBB_SERVER_CONTROL_RENDEZVOUS_H_
#define HEBB_SERVER_CONTROL_RENDEZVOUS_H_

#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"
#include "server/control/messages.h"

namespace hebb::control {

// Thread-safe. A generation that is not open (over, unknown, or of before a restart) answers
// ABORTED: its members build no communicator any more.
class Rendezvous {
 public:
  void Open(const GenerationId& generation);
  // Also wakes those who wait for a key.
  void Close(const GenerationId& generation);
  void Shutdown();

  // ABORTED; RESOURCE_EXHAUSTED beyond 10000 keys; INVALID_ARGUMENT for a value above 1 MiB.
  absl::Status Set(const GenerationId& generation, const std::string& key,
                   const std::string& value);
  // Waits for the key until `deadline` of SteadyNow(). ABORTED; DEADLINE_EXCEEDED; CANCELLED once
  // `cancelled` says so.
  absl::StatusOr<std::string> Get(const GenerationId& generation, const std::string& key,
                                  absl::Time deadline, const std::function<bool()>& cancelled);

 private:
  using Keys = std::map<std::string, std::string>;

  absl::Mutex mutex_;
  SteadyCondVar changed_;
  std::map<GenerationId, Keys> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_RENDEZVOUS_H_
