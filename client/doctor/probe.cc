// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/probe.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/local/process.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client::doctor {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(10);
constexpr absl::Duration kEndWithin = absl::Seconds(2);

// An empty file of our own for a program's output.
absl::StatusOr<std::string> TemporaryFile() {
  std::error_code error;
  std::string path = (std::filesystem::temp_directory_path(error) / "hebb-doctor-XXXXXX").string();
  const int fd = error ? -1 : mkstemp(path.data());
  if (fd < 0) {
    return absl::InternalError(absl::StrCat("cannot write a temporary file ", path,
                                            "; free its disk, or set TMPDIR to another"));
  }
  close(fd);
  return path;
}

}  // namespace

absl::StatusOr<ProgramEnd> RunProgram(const std::vector<std::string>& argv, absl::Duration limit) {
  HEBB_ASSIGN_OR_RETURN(const std::string log, TemporaryFile());
  const absl::Cleanup remove = [&log] { unlink(log.c_str()); };
  SpawnOptions spawn;
  spawn.argv = argv;
  spawn.log_path = log;
  spawn.parent_death_signal = SIGKILL;
  HEBB_ASSIGN_OR_RETURN(const ProcessId process, Spawn(spawn));
  const absl::Time deadline = absl::Now() + limit;
  int status = 0;
  while (waitpid(process.pid, &status, WNOHANG) == 0) {
    if (absl::Now() > deadline) {
      EndProcesses({process}, kEndWithin);  // mpirun takes its ranks along
      kill(-process.pid, SIGKILL);
      waitpid(process.pid, nullptr, 0);
      return absl::DeadlineExceededError(
          absl::StrCat(argv[0], " did not end within ", absl::FormatDuration(limit)));
    }
    absl::SleepFor(kPoll);
  }
  ProgramEnd end;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  HEBB_ASSIGN_OR_RETURN(end.output, ReadFile(log));
  return end;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace hebb::client::doctor
