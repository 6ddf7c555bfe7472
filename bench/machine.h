// SPDX-License-Identifier: Apache-2.0
// What this machine can do at all, measured now: the yardsticks that benchmarks and the cost model
// compare with. Neighbours on the machine change them, so measure them in the same run, alternating
// with what is compared.
#ifndef HEBB_BENCH_MACHINE_H_
#define HEBB_BENCH_MACHINE_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"

namespace hebb::bench {

// The middle one of `values` (the upper middle of an even number). REQUIRES: not empty.
double Median(std::vector<double> values);

// Of `rounds` calls, after one that touches the memory for the first time.
double MedianSeconds(int rounds, const std::function<void()>& work);

// The library's own product of two square matrices on each of some threads. One thread at a time.
class Sgemm {
 public:
  explicit Sgemm(int threads);

  // FLOP/s of all threads together over one product each (some 10 ms). 0: the library refused.
  double Measure();

 private:
  device::ComputePool pool_;
  std::vector<device::FloatBuffer> a_, b_, c_;
};

// Bytes/s of all threads together.
struct MemoryRates {
  double read = 0;
  double fill = 0;
  double copy = 0;  // bytes copied, so twice as many travel
};

// Of buffers of `bytes` a thread; median of `rounds`.
MemoryRates MeasureMemory(int threads, size_t bytes, int rounds);

// What a sum over ranks costs on one machine.
struct SumRates {
  double latency = 0;           // seconds of one round of messages between two ranks
  double message = 0;           // seconds of processor time of each further message
  double bytes_per_second = 0;  // that one rank sends, two ranks exchanging large vectors
};

enum class Transport { kThreads, kGloo };  // ranks as threads of one process; gloo over loopback

absl::StatusOr<SumRates> MeasureSums(Transport transport);

}  // namespace hebb::bench

#endif  // HEBB_BENCH_MACHINE_H_
