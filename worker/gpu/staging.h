// SPDX-License-Identifier: Apache-2.0
// Lets a Collective work on the host's memory: a buffer on the device through which it goes.
#ifndef HEBB_WORKER_GPU_STAGING_H_
#define HEBB_WORKER_GPU_STAGING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/gpu/collective.h"

namespace hebb::gpu {

// For one operation after the other, each: Reset, Reckon with all its memory, MakeRoom, then places
// for the same memory, the collective's own work on them, CopyOut. What lies on the device is its
// own place. One thread at a time; owns the buffer, which only grows.
class Staging {
 public:
  // `collective` is borrowed and outlives this.
  explicit Staging(Collective& collective) : collective_(collective) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // REQUIRES: the collective has done all that was queued, or is broken off.
  void Reset();
  void Reckon(std::span<const std::byte> data);
  // RESOURCE_EXHAUSTED: no memory on the device.
  absl::Status MakeRoom();

  // The collective reads it, writes it, or both. Errors are the collective's.
  absl::StatusOr<std::byte*> ForReading(std::span<const std::byte> data);
  std::byte* ForWriting(std::span<std::byte> data);
  absl::StatusOr<std::byte*> ForBoth(std::span<std::byte> data);

  // Queues the way back of what is written.
  absl::Status CopyOut();

 private:
  struct Way {
    const std::byte* from = nullptr;
    std::span<std::byte> to;
  };

  std::byte* Take(size_t bytes);
  bool OnDevice(std::span<const std::byte> data) const;

  Collective& collective_;
  std::byte* buffer_ = nullptr;
  size_t size_ = 0;
  size_t needed_ = 0;
  size_t taken_ = 0;
  std::vector<Way> back_;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_STAGING_H_
