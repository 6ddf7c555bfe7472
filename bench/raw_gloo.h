// SPDX-License-Identifier: Apache-2.0
// Gloo's own allreduce as its users call it: what the tree sum is measured against.
#ifndef HEBB_BENCH_RAW_GLOO_H_
#define HEBB_BENCH_RAW_GLOO_H_

#include <memory>
#include <span>

namespace hebb::bench {

// Where the ranks of one process find each other. Thread-safe.
class RawGlooMeeting {
 public:
  RawGlooMeeting();
  ~RawGlooMeeting();

 private:
  friend class RawGloo;
  struct State;
  const std::unique_ptr<State> state_;
};

// One rank over TCP on the loopback. One thread at a time; `meeting` outlives it.
class RawGloo {
 public:
  // Waits for the others. False: no connection.
  bool Connect(RawGlooMeeting& meeting, int rank, int size);
  // In place, by the library's default algorithm (a ring). False: it failed.
  bool AllReduce(std::span<float> data);

  RawGloo();
  ~RawGloo();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace hebb::bench

#endif  // HEBB_BENCH_RAW_GLOO_H_
