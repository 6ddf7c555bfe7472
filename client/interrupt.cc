// SPDX-License-Identifier: Apache-2.0
#include "client/interrupt.h"

#include <pthread.h>

#include <csignal>
#include <ctime>
#include <utility>

namespace hebb::client {

namespace {

sigset_t InterruptSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void BlockInterrupts() {
  const sigset_t signals = InterruptSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Interrupt::Interrupt(std::function<void()> callback)
    : callback_(std::move(callback)), thread_([this] { Wait(); }) {}

Interrupt::~Interrupt() {
  stopping_ = true;
  thread_.join();
}

void Interrupt::Wait() {
  const sigset_t signals = InterruptSignals();
  const timespec slice = {0, 50'000'000};  // how soon the destructor is noticed
  while (!stopping_) {
    if (sigtimedwait(&signals, nullptr, &slice) < 0) continue;
    happened_ = true;
    callback_();
    return;
  }
}

}  // namespace hebb::client
