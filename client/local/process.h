// SPDX-License-Identifier: Apache-2.0
// Child processes of `hebb up`, and what /proc says of any process. A process is named by its pid
// and its start time, because pids are used again.
#ifndef HEBB_CLIENT_LOCAL_PROCESS_H_
#define HEBB_CLIENT_LOCAL_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hebb::client {

struct ProcessId {
  pid_t pid = 0;
  std::string start_time;  // clock ticks after boot, as /proc/PID/stat has it
  bool operator==(const ProcessId&) const = default;
};

// NOT_FOUND when there is no such process (a zombie counts as none).
absl::StatusOr<ProcessId> IdentifyProcess(pid_t pid);
bool IsAlive(const ProcessId& process);
// Stopped by a signal (SIGSTOP, SIGTSTP): it cannot act on SIGTERM.
bool IsStopped(pid_t pid);
std::vector<pid_t> ChildrenOf(pid_t pid);

// Sends `signal` if it is still that process.
void Signal(const ProcessId& process, int signal);
// SIGTERM, then SIGKILL to those that still live after `grace` (at once to stopped ones); true when
// all are gone. For processes that are not our children.
bool EndProcesses(const std::vector<ProcessId>& processes, absl::Duration grace);

struct SpawnOptions {
  std::vector<std::string> argv;  // argv[0] is the program's path
  std::string log_path;           // standard output and error are appended to it
  int parent_death_signal = 0;    // sent to the child when the calling thread ends; 0: none
  bool new_session = false;       // setsid: outlives the terminal
  std::vector<std::pair<std::string, std::string>> environment = {};  // beside our own
};

// The child is in a process group of its own, has no blocked signals, and reads /dev/null. To be
// called from the main thread only (the parent of PR_SET_PDEATHSIG is a thread).
// NOT_FOUND when argv[0] cannot be executed.
absl::StatusOr<ProcessId> Spawn(const SpawnOptions& options);

// The last lines of a log from byte `start` on, for an error message; "" when there is none.
std::string LogTail(const std::string& path, int lines, size_t start = 0);

// The folder of the running program.
std::string OwnFolder();

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_PROCESS_H_
