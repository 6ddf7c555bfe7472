// SPDX-License-Identifier: Apache-2.0
// The worker's line to the coordinator: one bidirectional stream, made anew for ever with at most a
// second between tries. Hello first, heartbeats from a thread that never computes.
#ifndef HEBB_WORKER_RUNTIME_SESSION_H_
#define HEBB_WORKER_RUNTIME_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "hebb/v1/workers.pb.h"
#include "worker/runtime/coordinator_channel.h"
#include "worker/runtime/outbox.h"

namespace hebb::runtime {

// Whom a session serves. Called on the session's threads; returns soon.
class SessionHandler {
 public:
  virtual ~SessionHandler() = default;

  // A stream opens. The handler calls `open`, once, with what it holds and all that must be told
  // (again), in one critical section with its own state, so that nothing is lost or told in the
  // wrong order between the two.
  using Open =
      std::function<void(std::optional<v1::HeldAttempt> held, std::vector<v1::FromWorker> again)>;
  virtual void Attach(const Open& open) = 0;

  virtual void Received(const v1::ToWorker& message) = 0;

  // The coordinator's knob, before AttachedChanged(true).
  virtual void Welcomed(absl::Duration detect_within) = 0;

  // True after Welcome, false when the stream is over.
  virtual void AttachedChanged(bool attached) = 0;

  // For the heartbeat.
  virtual int64_t CurrentStep() const = 0;
  virtual int64_t FreeDeviceMemory() const { return 0; }  // bytes
};

// Thread-safety: one thread at a time. Owns two threads while started: one reads (and connects),
// one writes.
class Session {
 public:
  // All borrowed; they outlive the session.
  Session(CoordinatorChannel& channel, const v1::Worker& identity, Outbox& outbox,
          SessionHandler& handler);
  ~Session();  // Ends it at once.

  // `refused` is called at most once, on the session's thread, with PERMISSION_DENIED and the
  // coordinator's reason; the session is then over.
  void Start(std::function<void(absl::Status)> refused);

  // Says Farewell and waits until the coordinator has closed the stream, or for `patience`; joins
  // the threads.
  void Leave(absl::string_view reason, absl::Duration patience);

 private:
  class Stream;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_SESSION_H_
