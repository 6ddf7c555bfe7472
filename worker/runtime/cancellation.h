// SPDX-License-Identifier: Apache-2.0
// One word from another thread that ends whatever a thread is waiting in: calls to the coordinator,
// the forming of a mesh, a collective, a pause before the next try.
#ifndef HEBB_WORKER_RUNTIME_CANCELLATION_H_
#define HEBB_WORKER_RUNTIME_CANCELLATION_H_

#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"

namespace hebb::runtime {

// Thread-safe.
class Cancellation {
 public:
  // Runs what was registered, on this thread; once and for all.
  void Cancel(absl::string_view reason);

  bool cancelled() const;
  std::string reason() const;  // empty until then

  // Pauses; false, at once, when cancelled.
  bool Pause(absl::Duration duration) const;

  // `action` runs at Cancel (now, if that has been), unless this object ends first; its end waits
  // for a running action. An action must not touch the Cancellation.
  class Scope {
   public:
    Scope(Cancellation& cancellation, std::function<void(const std::string& reason)> action);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& cancellation_;
    int id_ = 0;
  };

 private:
  mutable absl::Mutex mutex_;
  mutable SteadyCondVar changed_;  // cancelled_
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::string reason_ ABSL_GUARDED_BY(mutex_);
  int next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int, std::function<void(const std::string&)>> actions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_CANCELLATION_H_
