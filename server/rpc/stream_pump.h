// SPDX-License-Identifier: Apache-2.0
// A few threads on which thousands of streams take turns: a stream holds none while it waits.
#ifndef HEBB_SERVER_RPC_STREAM_PUMP_H_
#define HEBB_SERVER_RPC_STREAM_PUMP_H_

#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/steady_clock.h"

namespace hebb::rpc {

// Thread-safe.
class StreamPump {
 public:
  class Stream {
   public:
    virtual ~Stream() = default;
    // On a thread of the pump; never two at once of the same stream.
    virtual void Turn() = 0;
  };

  explicit StreamPump(int threads);
  ~StreamPump();  // waits for turns under way; those that wait do not come
  StreamPump(const StreamPump&) = delete;
  StreamPump& operator=(const StreamPump&) = delete;

  // The stream gets a turn, not before `due`. Several calls before that turn are one, the earliest;
  // a call during a turn is for the next.
  void Wake(const std::shared_ptr<Stream>& stream, absl::Time due = absl::InfinitePast());

 private:
  struct Place {
    std::shared_ptr<Stream> stream;
    absl::Time due = absl::InfiniteFuture();  // infinite: it does not wait for a turn
    bool running = false;
  };
  void Work();
  // The next stream, marked as running; waits for it. Null: the pump ends.
  std::shared_ptr<Stream> Next();
  void Done(Stream* stream);

  absl::Mutex mutex_;
  SteadyCondVar changed_;
  std::map<Stream*, Place> places_ ABSL_GUARDED_BY(mutex_);  // that wait or run
  std::set<std::pair<absl::Time, Stream*>> queue_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_STREAM_PUMP_H_
