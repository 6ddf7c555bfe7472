// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/descriptor.h"
#include "common/status_macros.h"
#include "common/steady_clock.h"

namespace hebb::launcher {
namespace {

constexpr size_t kInputMax = 64 << 10;
constexpr size_t kOutputMax = 16 << 20;  // a queue of 100,000 lines

absl::Status SystemError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// A file in memory, so that nobody has to write while the program reads.
absl::Status MakeInput(absl::string_view input, Descriptor& file) {
  if (input.size() > kInputMax) return absl::InvalidArgumentError("the input is too long");
  file.Set(memfd_create("input", MFD_CLOEXEC));
  if (file.get() < 0 ||
      write(file.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()) ||
      lseek(file.get(), 0, SEEK_SET) != 0) {
    return SystemError("memory for a command's input");
  }
  return absl::OkStatus();
}

struct Pipe {
  Descriptor read;
  Descriptor write;

  absl::Status Open() {
    std::array<int, 2> ends = {};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("pipe");
    read.Set(ends[0]);
    write.Set(ends[1]);
    return absl::OkStatus();
  }
};

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv, int in, int out, int err) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  // Our blocked and ignored signals are not the program's; a terminal's Ctrl-C is for us alone.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) return absl::NotFoundError(absl::StrCat("there is no program ", argv[0]));
  errno = error;
  if (error != 0) return SystemError(argv[0]);
  return pid;
}

// Reads both to their ends. False: not by then.
bool ReadBoth(Descriptor& out, Descriptor& err, absl::Time until, CommandResult& result) {
  std::array<char, 4096> bytes;
  while (out.get() >= 0 || err.get() >= 0) {
    const int64_t left = absl::ToInt64Milliseconds(until - SteadyNow());
    if (left <= 0) return false;
    std::array<pollfd, 2> both = {pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0}};
    if (poll(both.data(), both.size(), static_cast<int>(left)) <= 0) continue;
    for (size_t i = 0; i < both.size(); ++i) {
      if (both[i].revents == 0) continue;
      const ssize_t count = read(both[i].fd, bytes.data(), bytes.size());
      std::string& text = i == 0 ? result.out : result.err;
      if (count > 0 && text.size() < kOutputMax) text.append(bytes.data(), count);
      if (count == 0 || (count < 0 && errno != EINTR)) (i == 0 ? out : err).Close();
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                         absl::string_view input, absl::Duration within) {
  const absl::Time until = SteadyNow() + within;
  Descriptor in;
  Pipe out, err;
  HEBB_RETURN_IF_ERROR(MakeInput(input, in));
  HEBB_RETURN_IF_ERROR(out.Open());
  HEBB_RETURN_IF_ERROR(err.Open());
  HEBB_ASSIGN_OR_RETURN(const pid_t pid, Spawn(argv, in.get(), out.write.get(), err.write.get()));
  out.write.Close();
  err.write.Close();
  CommandResult result;
  const bool ended = ReadBoth(out.read, err.read, until, result);
  if (!ended) kill(-pid, SIGKILL);  // with what it has started
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return absl::DeadlineExceededError(
        absl::StrCat(argv[0], " did not answer within ", absl::FormatDuration(within)));
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace hebb::launcher
