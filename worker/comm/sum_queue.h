// SPDX-License-Identifier: Apache-2.0
// Sums that overlap the backward pass: a communication thread takes the layers' updates in the
// order in which they are ready and sums each over all ranks, while the compute threads go on with
// the next layer.
//
// Per step and per sum: Start(index, nodes, sum) as soon as the local updates exist, later
// Wait(index) or Drain() before `sum` is used. Indexes are small numbers that come again in every
// step (the parameter's number; one more for losses and flags). Sums may lie in the host's memory
// or in a GPU's, each as its Start says.
#ifndef HEBB_WORKER_COMM_SUM_QUEUE_H_
#define HEBB_WORKER_COMM_SUM_QUEUE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/times.h"
#include "worker/comm/communicator.h"
#include "worker/comm/step_backstop.h"
#include "worker/slices/vector_memory.h"

namespace hebb::comm {

class TreeSum;

struct SumQueueOptions {
  int slices = 8;  // `data_parallel.slices`; 0: one per rank, the library's AllReduce
  absl::Duration backstop = Times().collective;  // no sum's deadline is shorter
};

struct SumQueueTotals {
  int64_t sums = 0;
  int64_t bytes = 0;        // of summed vectors, counted once per sum
  double sum_seconds = 0;   // the communication thread was busy
  double wait_seconds = 0;  // callers stood in Wait or Drain: what the overlap did not hide
};

// Thread-safe. Owns its thread and joins it in the destructor. While a queue lives it is the one
// user of the communicator, except between a successful Drain and the next Start.
//
// The first error sticks: it ends every wait at once and every later one. It is the communicator's
// (communicator.h) or the memory's, and kills the communicator too.
class SumQueue {
 public:
  // `communicator` is borrowed. REQUIRES: slices == 0 or communicator's size <= slices.
  SumQueue(Communicator& communicator, const SumQueueOptions& options);
  // With sums under way it aborts the communicator, so that it never waits for a silent peer.
  ~SumQueue();
  SumQueue(const SumQueue&) = delete;
  SumQueue& operator=(const SumQueue&) = delete;

  // Queues sum = sum over all ranks' nodes. All ranks start the same sums in the same order.
  // nodes[i]: maximal node i of this rank's slices (slices::MaximalNodes), sum.size() floats each;
  // with slices == 0 one, the rank's own sum. Nodes and sum lie in `memory`, and the nodes are
  // written (VectorMemory::Settle). All are borrowed until Wait(index), Drain or the destructor
  // returns; `memory` until the destructor. Returns at once. REQUIRES: index >= 0, and the last sum
  // of this index has been waited for.
  void Start(int index, std::span<const float* const> nodes, std::span<float> sum,
             slices::VectorMemory& memory = slices::HostMemory());

  // Blocks until the last sum of `index` has arrived. REQUIRES: it was started, or the queue
  // failed.
  absl::Status Wait(int index);

  // Blocks until all that was started has arrived.
  absl::Status Drain();

  // Tells how long a whole step took: a sum's deadline is max(backstop, 10 median steps).
  void StepTook(absl::Duration step);

  SumQueueTotals totals() const;

 private:
  struct Slot {
    std::vector<const float*> nodes;
    std::span<float> sum;
    slices::VectorMemory* memory = nullptr;
    bool pending = false;
  };
  struct Tree {
    slices::VectorMemory* memory = nullptr;
    std::unique_ptr<TreeSum> sum;
  };

  void Run();
  absl::Status SumOne(const Slot& slot, absl::Time deadline);
  TreeSum& TreeIn(slices::VectorMemory& memory);

  Communicator& communicator_;
  const SumQueueOptions options_;
  std::vector<Tree> trees_;  // communication thread only: one for each memory in use

  mutable absl::Mutex mutex_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mutex_);  // by index; references stay valid as it grows
  std::deque<int> queue_ ABSL_GUARDED_BY(mutex_);
  int pending_count_ ABSL_GUARDED_BY(mutex_) = 0;  // queued or under way
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  StepBackstop backstop_ ABSL_GUARDED_BY(mutex_);
  SumQueueTotals totals_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_SUM_QUEUE_H_
