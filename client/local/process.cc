// SPDX-License-Identifier: Apache-2.0
#include "client/local/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/files.h"

namespace hebb::client {
namespace {

// Fields of /proc/PID/stat from the state (field 3) on; empty when there is no such process. The
// command name before them may hold blanks and brackets, so the last ')' is what counts.
std::vector<std::string> StatFields(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string text;
  std::getline(file, text);
  const size_t end_of_name = text.rfind(") ");
  if (end_of_name == std::string::npos) return {};
  return absl::StrSplit(text.substr(end_of_name + 2), ' ');
}

constexpr size_t kStateField = 0;       // field 3 of the file
constexpr size_t kParentField = 1;      // field 4
constexpr size_t kStartTimeField = 19;  // field 22

// In the child, after fork: only async-signal-safe calls.
[[noreturn]] void ExecChild(const SpawnOptions& options, char* const* argv, int log, int error_pipe,
                            pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (options.new_session) {
    setsid();
  } else {
    setpgid(0, 0);
  }
  if (options.parent_death_signal != 0) {
    prctl(PR_SET_PDEATHSIG, options.parent_death_signal);
    if (getppid() != parent) _exit(127);  // it died before the call above
  }
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  for (const auto& [name, value] : options.environment) setenv(name.c_str(), value.c_str(), 1);
  execv(argv[0], argv);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = write(error_pipe, &error, sizeof(error));
  _exit(127);
}

absl::Status CannotStart(const SpawnOptions& options, int error) {
  return absl::NotFoundError(absl::StrCat("cannot start ", options.argv[0], ": ",
                                          std::strerror(error),
                                          "; build it beside `hebb` or name another program"));
}

// What execv of the child said; 0 when the program runs.
int ReadExecError(int pipe) {
  int error = 0;
  ssize_t got;
  do {
    got = read(pipe, &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  return got == sizeof(error) ? error : 0;
}

}  // namespace

absl::StatusOr<ProcessId> IdentifyProcess(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  if (fields.size() <= kStartTimeField || fields[kStateField] == "Z" ||
      fields[kStateField] == "X") {
    return absl::NotFoundError(absl::StrCat("no process ", pid));
  }
  return ProcessId{pid, fields[kStartTimeField]};
}

bool IsAlive(const ProcessId& process) {
  const absl::StatusOr<ProcessId> now = IdentifyProcess(process.pid);
  return now.ok() && *now == process;
}

bool IsStopped(pid_t pid) {
  const std::vector<std::string> fields = StatFields(pid);
  return !fields.empty() && (fields[kStateField] == "T" || fields[kStateField] == "t");
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int candidate = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &candidate)) continue;
    const std::vector<std::string> fields = StatFields(candidate);
    if (fields.size() > kParentField && fields[kParentField] == absl::StrCat(pid)) {
      children.push_back(candidate);
    }
  }
  return children;
}

void Signal(const ProcessId& process, int signal) {
  if (IsAlive(process)) kill(process.pid, signal);
}

bool EndProcesses(const std::vector<ProcessId>& processes, absl::Duration grace) {
  const auto any_alive = [&processes] {
    for (const ProcessId& process : processes) {
      if (IsAlive(process)) return true;
    }
    return false;
  };
  for (const ProcessId& process : processes) {
    Signal(process, IsStopped(process.pid) ? SIGKILL : SIGTERM);
  }
  const absl::Time kill_at = absl::Now() + grace;
  const absl::Time give_up = kill_at + absl::Seconds(2);
  bool killed = false;
  while (any_alive()) {
    if (absl::Now() >= give_up) return false;
    if (!killed && absl::Now() >= kill_at) {
      for (const ProcessId& process : processes) Signal(process, SIGKILL);
      killed = true;
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

absl::StatusOr<ProcessId> Spawn(const SpawnOptions& options) {
  const int log = open(options.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) {
    return absl::InternalError(
        absl::StrCat("cannot write the log ", options.log_path, ": ", std::strerror(errno)));
  }
  int error_pipe[2];
  if (pipe2(error_pipe, O_CLOEXEC) != 0) {
    close(log);
    return absl::InternalError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  std::vector<char*> argv;
  for (const std::string& argument : options.argv)
    argv.push_back(const_cast<char*>(argument.data()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) ExecChild(options, argv.data(), log, error_pipe[1], parent);
  const int fork_error = errno;
  close(log);
  close(error_pipe[1]);
  const int error = pid < 0 ? fork_error : ReadExecError(error_pipe[0]);
  close(error_pipe[0]);
  if (error != 0) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    return CannotStart(options, error);
  }
  // Not reaped before Spawn returns, so a child that ended already still has its entry.
  const std::vector<std::string> fields = StatFields(pid);
  return ProcessId{pid, fields.size() > kStartTimeField ? fields[kStartTimeField] : ""};
}

std::string LogTail(const std::string& path, int lines, size_t start) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok() || start >= text->size()) return "";
  std::vector<absl::string_view> all =
      absl::StrSplit(absl::string_view(*text).substr(start), '\n', absl::SkipEmpty());
  if (all.size() > static_cast<size_t>(lines)) all.erase(all.begin(), all.end() - lines);
  return absl::StrJoin(all, "\n");
}

std::string OwnFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace hebb::client
