// SPDX-License-Identifier: Apache-2.0
// A thread that goes its rounds: when it is woken, and when the round before said so.
#ifndef HEBB_SERVER_CONTROL_ROUNDS_H_
#define HEBB_SERVER_CONTROL_ROUNDS_H_

#include <functional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"

namespace hebb::control {

// Start and Stop from one thread; the others from any.
class Rounds {
 public:
  // `round` is called by the thread alone; it returns when to go again, by SteadyNow(), if nobody
  // wakes the thread before. `pace`: the rest between two rounds, at least.
  Rounds(absl::Duration pace, std::function<absl::Time()> round)
      : pace_(pace), round_(std::move(round)) {}
  ~Rounds() { Stop(); }
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  void Start();  // the first round begins at once
  void Stop();   // after the round at hand; idempotent
  // A round begins after this; calls before it begins are one. Quick.
  void Wake();
  bool stopping() const;

 private:
  void Run();

  const absl::Duration pace_;
  const std::function<absl::Time()> round_;

  mutable absl::Mutex mutex_;
  SteadyCondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_ROUNDS_H_
