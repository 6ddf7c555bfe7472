// SPDX-License-Identifier: Apache-2.0
// Ctrl-C while a command waits: runs a callback instead of ending the process, so that the command
// can let go of the job and say how to come back.
#ifndef HEBB_CLIENT_INTERRUPT_H_
#define HEBB_CLIENT_INTERRUPT_H_

#include <atomic>
#include <functional>
#include <thread>

namespace hebb::client {

// Keeps SIGINT and SIGTERM from this thread and all that it starts from now on. To be called before
// the first other thread (before the channel is made); it holds for the rest of the process.
void BlockInterrupts();

// Owns one thread.
class Interrupt {
 public:
  // The first SIGINT or SIGTERM calls `callback` once, on the thread. REQUIRES: BlockInterrupts().
  explicit Interrupt(std::function<void()> callback);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool happened() const { return happened_; }

 private:
  void Wait();

  const std::function<void()> callback_;
  std::atomic<bool> happened_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_INTERRUPT_H_
