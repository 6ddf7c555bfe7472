// SPDX-License-Identifier: Apache-2.0
// Why and how the process ends: a signal, a refusal, a GPU that fails, an MPI world that must start
// anew.
#ifndef HEBB_WORKER_RUNTIME_EXIT_SIGNAL_H_
#define HEBB_WORKER_RUNTIME_EXIT_SIGNAL_H_

#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace hebb::runtime {

// Exit codes of hebb-worker.
inline constexpr int kExitOk = 0;
inline constexpr int kExitInternal = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitRefused = 3;   // by the coordinator; starting again is of no use
inline constexpr int kExitDevice = 74;   // the GPU fails all calls of this process: start it again
inline constexpr int kExitRestart = 75;  // start the MPI world again

struct ExitRequest {
  int code = kExitOk;
  std::string reason;
};

// Make it in main before any thread: SIGTERM, SIGINT and SIGUSR1 then wait for Wait, and SIGPIPE is
// ignored.
class ExitSignal {
 public:
  ExitSignal();
  ~ExitSignal();
  ExitSignal(const ExitSignal&) = delete;
  ExitSignal& operator=(const ExitSignal&) = delete;

  // Thread-safe. The first request counts.
  void Ask(int code, absl::string_view reason);

  // Waits for a request or a signal. After it, a second signal ends the process at once.
  ExitRequest Wait();

 private:
  const int signal_fd_;
  const int event_fd_;
  absl::Mutex mutex_;
  std::optional<ExitRequest> request_ ABSL_GUARDED_BY(mutex_);
};

// The process ends with `code` after so many seconds, whatever hangs.
void ExitWithin(int seconds, int code);

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_EXIT_SIGNAL_H_
