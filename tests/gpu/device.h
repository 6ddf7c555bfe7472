// SPDX-License-Identifier: Apache-2.0
// The devices that the GPU's tests run on: the GPU, where there is one, and the host in its place,
// which proves the tests themselves.
#ifndef HEBB_TESTS_GPU_DEVICE_H_
#define HEBB_TESTS_GPU_DEVICE_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/check.h"
#include "worker/gpu/ops.h"
#include "worker/gpu/plugin.h"

namespace hebb::gpu {

// The plugin, opened once. FAILED_PRECONDITION: there is no GPU, or no plugin for it.
absl::StatusOr<Plugin*> OpenGpu();

// Of `name` "host" or "cuda".
absl::StatusOr<std::unique_ptr<Ops>> MakeDevice(const std::string& name);

// Whether a test on that device has nothing to run on.
bool IsMissing(const std::string& name);

// Floats on a device, for as long as the test needs them.
class DeviceFloats {
 public:
  DeviceFloats(Ops& ops, size_t n) : ops_(ops), n_(n) {
    absl::StatusOr<void*> memory = ops.Allocate(static_cast<int64_t>(n * sizeof(float)));
    HEBB_CHECK(memory.ok());
    memory_ = static_cast<float*>(*memory);
  }
  DeviceFloats(Ops& ops, const std::vector<float>& values) : DeviceFloats(ops, values.size()) {
    Set(values);
  }
  ~DeviceFloats() { ops_.Free(memory_); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  float* get() const { return memory_; }
  void Set(const std::vector<float>& values) {
    HEBB_CHECK(values.size() == n_);
    HEBB_CHECK(ops_.Upload(values.data(), memory_, Bytes()).ok());
  }
  std::vector<float> Read() const {
    std::vector<float> values(n_);
    const absl::Status status = ops_.Download(memory_, values.data(), Bytes());
    EXPECT_TRUE(status.ok()) << status;
    return values;
  }

 private:
  int64_t Bytes() const { return static_cast<int64_t>(n_ * sizeof(float)); }
  Ops& ops_;
  size_t n_;
  float* memory_ = nullptr;
};

// Numbers in -1 to 1, the same for the same seed.
std::vector<float> RandomFloats(size_t n, unsigned seed);

}  // namespace hebb::gpu

#endif  // HEBB_TESTS_GPU_DEVICE_H_
