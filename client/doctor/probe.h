// SPDX-License-Identifier: Apache-2.0
// Means of the checks that must not hang: a function and a program with a limit of time.
#ifndef HEBB_CLIENT_DOCTOR_PROBE_H_
#define HEBB_CLIENT_DOCTOR_PROBE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace hebb::client::doctor {

// What `probe` returns, or nothing if that takes longer than `limit`, such as on a network disk
// that is gone. Its thread is then left behind, for the end of the process to take along, so
// `probe` must own all that it uses.
template <typename T>
std::optional<T> Within(absl::Duration limit, std::function<T()> probe) {
  struct Shared {
    std::function<T()> probe;
    std::optional<T> result;
    absl::Notification done;
  };
  auto shared = std::make_shared<Shared>();
  shared->probe = std::move(probe);
  std::thread([shared] {
    shared->result = shared->probe();
    shared->done.Notify();
  }).detach();
  if (!shared->done.WaitForNotificationWithTimeout(limit)) return std::nullopt;
  return std::move(shared->result);
}

struct ProgramEnd {
  int exit_code = -1;  // -1: by a signal
  std::string output;  // of both streams
};

// Runs a program to its end; the main thread only. NOT_FOUND: it cannot be started;
// DEADLINE_EXCEEDED: it, and its group, was killed after `limit`.
absl::StatusOr<ProgramEnd> RunProgram(const std::vector<std::string>& argv, absl::Duration limit);

// The first line of a file such as those of /proc and /sys; "" if it can't be read.
std::string FirstLine(const std::string& path);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_PROBE_H_
