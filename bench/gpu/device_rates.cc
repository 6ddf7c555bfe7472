// SPDX-License-Identifier: Apache-2.0
#include "bench/gpu/device_rates.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <vector>

#include "bench/machine.h"
#include "common/status_macros.h"

namespace hebb::bench {
namespace {

constexpr int kCalls = 4;  // in a row, so that the wait at their end is small beside them

class DeviceFloats {
 public:
  explicit DeviceFloats(gpu::Ops& ops) : ops_(ops) {}
  ~DeviceFloats() {
    if (memory_ != nullptr) ops_.Free(memory_);
  }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  absl::Status Take(int64_t bytes) {
    HEBB_ASSIGN_OR_RETURN(memory_, ops_.Allocate(bytes));
    return absl::OkStatus();
  }
  float* get() const { return static_cast<float*>(memory_); }

 private:
  gpu::Ops& ops_;
  void* memory_ = nullptr;
};

// Random, for a GPU multiplies zeros faster; the same million again and again, for the host draws
// slowly.
absl::Status Fill(gpu::Ops& ops, float* to, int64_t floats) {
  std::mt19937 random(1);
  std::vector<float> tile(std::min<int64_t>(floats, int64_t{1} << 20));
  for (float& value : tile) value = static_cast<float>(random()) * 0x1p-31f - 1.0f;
  const auto size = static_cast<int64_t>(tile.size());
  for (int64_t at = 0; at < floats; at += size) {
    const int64_t some = std::min(size, floats - at);
    HEBB_RETURN_IF_ERROR(
        ops.Upload(tile.data(), to + at, some * static_cast<int64_t>(sizeof(float))));
  }
  return absl::OkStatus();
}

// Median seconds of one call, after a first round in which the library gets ready.
absl::StatusOr<double> SecondsOf(gpu::Ops& ops, int rounds,
                                 const std::function<absl::Status()>& call) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int round = 0; round <= rounds; ++round) {
    HEBB_RETURN_IF_ERROR(ops.Wait());
    const Clock::time_point begin = Clock::now();
    for (int i = 0; i < kCalls; ++i) HEBB_RETURN_IF_ERROR(call());
    HEBB_RETURN_IF_ERROR(ops.Wait());
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    if (round > 0) times.push_back(seconds / kCalls);
  }
  return Median(std::move(times));
}

}  // namespace

absl::StatusOr<double> ProductRate(gpu::Ops& ops, gpu::Precision precision,
                                   const RateSizes& sizes) {
  const int64_t floats = sizes.side * sizes.side;
  DeviceFloats a(ops), b(ops), c(ops);
  for (DeviceFloats* matrix : {&a, &b, &c}) {
    HEBB_RETURN_IF_ERROR(matrix->Take(floats * static_cast<int64_t>(sizeof(float))));
  }
  HEBB_RETURN_IF_ERROR(Fill(ops, a.get(), floats));
  HEBB_RETURN_IF_ERROR(Fill(ops, b.get(), floats));
  ops.SetPrecision(precision);
  const gpu::Gemm gemm = {
      .m = sizes.side, .n = sizes.side, .k = sizes.side, .a = a.get(), .b = b.get(), .c = c.get()};
  HEBB_ASSIGN_OR_RETURN(const double seconds,
                        SecondsOf(ops, sizes.rounds, [&] { return ops.Multiply(gemm); }));
  const auto side = static_cast<double>(sizes.side);
  return 2 * side * side * side / seconds;
}

absl::StatusOr<double> MemoryRate(gpu::Ops& ops, const RateSizes& sizes) {
  DeviceFloats from(ops), to(ops);
  HEBB_RETURN_IF_ERROR(from.Take(sizes.copied));
  HEBB_RETURN_IF_ERROR(to.Take(sizes.copied));
  HEBB_ASSIGN_OR_RETURN(const double seconds, SecondsOf(ops, sizes.rounds, [&] {
                          return ops.Copy(from.get(), to.get(), sizes.copied);
                        }));
  return 2 * static_cast<double>(sizes.copied) / seconds;
}

}  // namespace hebb::bench
