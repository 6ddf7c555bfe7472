// SPDX-License-Identifier: Apache-2.0
// Where the ranks of one thread collective meet.
#ifndef HEBB_TESTS_TESTING_GPU_THREAD_RING_H_
#define HEBB_TESTS_TESTING_GPU_THREAD_RING_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace hebb::gpu {

enum class Call { kSend, kReceive, kAllReduce, kBroadcast };

struct Request {
  Call call = Call::kSend;
  void* data = nullptr;
  int64_t bytes = 0;
  int peer = 0;  // or the root
};

// Thread-safe. Memory is read and written under its lock only, by whichever rank comes.
class ThreadRing {
 public:
  enum class State { kWaits, kDone, kLacksPeer };

  // Ranks may join in any order; one that joins twice, or another size, is wrong use.
  void Join(int rank, int size);
  State Formed();

  // Makes the group known to the peers, once; then Advance until it is done.
  void Post(int rank, std::span<const Request> group);
  State Advance(int rank);

  // Takes part no more; what it has posted is taken back.
  void Leave(int rank);

 private:
  struct Contribution {
    int rank = 0;
    void* data = nullptr;
  };
  struct Common {  // an operation of all ranks
    Request request;
    std::vector<Contribution> from;
    bool done = false;
  };
  struct Rank {
    bool joined = false;
    bool gone = false;
    std::deque<Request> receives;              // not yet served, in order
    std::map<int, std::deque<Request>> sends;  // by receiver: not yet taken, in order
    std::vector<size_t> commons;               // under way
    size_t next_common = 0;
  };

  void PostCommon(int rank, const Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Serve(int rank) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Complete(Common& common) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Lacks(const Rank& rank) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AnyGone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  std::vector<Rank> ranks_ ABSL_GUARDED_BY(mutex_);
  std::deque<Common> commons_ ABSL_GUARDED_BY(mutex_);  // by number, all ever
};

}  // namespace hebb::gpu

#endif  // HEBB_TESTS_TESTING_GPU_THREAD_RING_H_
