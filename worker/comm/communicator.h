// SPDX-License-Identifier: Apache-2.0
// A gang's ranks talking to each other: the one interface over threads (local), gloo, MPI and
// NCCL. The fixed-tree sum (tree_sum.h) is built on Exchange alone, so its bits do not depend on
// the implementation.
#ifndef HEBB_WORKER_COMM_COMMUNICATOR_H_
#define HEBB_WORKER_COMM_COMMUNICATOR_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace hebb::comm {

struct Topology {
  int rank = 0;
  int size = 1;
};

// One point-to-point message of an Exchange. Messages between one pair of ranks are matched by tag;
// those of one tag keep their order. REQUIRES: tag <= kMaxTag.
constexpr uint32_t kMaxTag = (1u << 15) - 1;  // the least that MPI guarantees
struct Send {
  int to = 0;
  uint32_t tag = 0;
  std::span<const std::byte> data;
};
struct Receive {
  int from = 0;
  uint32_t tag = 0;
  std::span<std::byte> data;  // exactly the sender's size
};

// Thread-safety: one thread at a time calls the operations (it may be another thread than the
// creator's); Abort may be called from any thread at any time.
//
// Every operation has a deadline, of SteadyNow(). After any error the communicator is dead: every
// later call returns the first error at once; destroy it and form a new generation (docs/adr).
// Buffers passed in may then hold anything; inputs are never changed.
//
// Errors: DEADLINE_EXCEEDED (a member is silent), ABORTED (Abort was called; its reason),
// UNAVAILABLE (a peer is gone).
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual Topology topology() const = 0;
  virtual absl::string_view backend() const = 0;  // "local" | "gloo" | "mpi" | "nccl"

  // Posts all receives, then all sends, and waits for all. Every rank passes matching lists; empty
  // lists and empty messages are legal (an empty message is not sent). Messages to oneself are not.
  virtual absl::Status Exchange(std::span<const Send> sends, std::span<const Receive> receives,
                                absl::Time deadline) = 0;

  // The library's own sum, in place; order of additions unspecified (`slices: 0`).
  virtual absl::Status AllReduce(std::span<float> data, absl::Time deadline) = 0;

  virtual absl::Status Broadcast(std::span<std::byte> data, int root, absl::Time deadline) = 0;

  // all[r*mine.size() ...] = rank r's `mine`. REQUIRES: all.size() == mine.size() * size.
  virtual absl::Status AllGather(std::span<const std::byte> mine, std::span<std::byte> all,
                                 absl::Time deadline) = 0;

  virtual absl::Status Barrier(absl::Time deadline) = 0;

  // Makes the running and every later operation on this rank return ABORTED soon (well under a
  // second). Peers notice by themselves or are told by the coordinator. Idempotent.
  virtual void Abort(absl::string_view reason) = 0;
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_COMMUNICATOR_H_
