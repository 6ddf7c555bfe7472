// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/exit_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::runtime {
namespace {

sigset_t EndingSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);  // a cluster's notice before it takes the machine
  return set;
}

int OpenSignalFd() {
  signal(SIGPIPE, SIG_IGN);  // gloo writes to sockets of dead peers
  const sigset_t set = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return signalfd(-1, &set, SFD_CLOEXEC);
}

volatile sig_atomic_t alarm_code = 0;

}  // namespace

ExitSignal::ExitSignal() : signal_fd_(OpenSignalFd()), event_fd_(eventfd(0, EFD_CLOEXEC)) {
  HEBB_CHECK(signal_fd_ >= 0 && event_fd_ >= 0);
}

ExitSignal::~ExitSignal() {
  close(signal_fd_);
  close(event_fd_);
}

void ExitSignal::Ask(int code, absl::string_view reason) {
  absl::MutexLock lock(&mutex_);
  if (request_) return;
  request_ = ExitRequest{code, std::string(reason)};
  const uint64_t one = 1;
  HEBB_CHECK(write(event_fd_, &one, sizeof(one)) == sizeof(one));
}

ExitRequest ExitSignal::Wait() {
  pollfd fds[] = {{signal_fd_, POLLIN, 0}, {event_fd_, POLLIN, 0}};
  while (poll(fds, 2, -1) <= 0) {
  }
  signalfd_siginfo info;
  if ((fds[0].revents & POLLIN) != 0 && read(signal_fd_, &info, sizeof(info)) == sizeof(info)) {
    Ask(kExitOk, absl::StrCat("terminated by ", strsignal(static_cast<int>(info.ssi_signo))));
  }
  const sigset_t set = EndingSignals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  absl::MutexLock lock(&mutex_);
  return *request_;
}

void ExitWithin(int seconds, int code) {
  alarm_code = code;
  signal(SIGALRM, [](int) { _exit(alarm_code); });
  alarm(static_cast<unsigned>(seconds));
}

}  // namespace hebb::runtime
