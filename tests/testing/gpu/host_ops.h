// SPDX-License-Identifier: Apache-2.0
// gpu::Ops on the host: the same kernel bodies in loops, products and convolutions as plain sums in
// double. What it can not show: a library's own numbers, races, and the order of two queues.
#ifndef HEBB_TESTS_TESTING_GPU_HOST_OPS_H_
#define HEBB_TESTS_TESTING_GPU_HOST_OPS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "worker/gpu/ops.h"

namespace hebb::gpu {

// The "device's" memory, which all queues of it share.
struct HostDevice {
  // `guarded`: whoever touches it but an Ops at work is killed, as the host is by a GPU's pointers.
  explicit HostDevice(bool is_guarded = false) : guarded(is_guarded) {}

  const bool guarded;
  int64_t total = int64_t{1} << 30;
  bool convolves = true;  // else MakeConv knows no algorithm

  absl::Mutex mutex;
  std::map<void*, int64_t> blocks ABSL_GUARDED_BY(mutex);  // by address: bytes
  int64_t used ABSL_GUARDED_BY(mutex) = 0;
  int workers ABSL_GUARDED_BY(mutex) = 0;             // Ops at work
  std::byte* arena ABSL_GUARDED_BY(mutex) = nullptr;  // guarded
  int64_t arena_taken ABSL_GUARDED_BY(mutex) = 0;

  int64_t UsedNow() {
    absl::MutexLock lock(&mutex);
    return used;
  }
  ~HostDevice();

  void* Take(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void GiveBack(void* memory) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Between the two the memory may be touched.
  void Enter();
  void Leave();
};

class HostOps : public Ops {
 public:
  HostOps() : device_(std::make_shared<HostDevice>()) {}
  explicit HostOps(std::shared_ptr<HostDevice> device) : device_(std::move(device)) {}

  std::string device_name() const override { return "host"; }
  std::string kernel_family() const override { return "gpu-on-host"; }
  std::map<std::string, std::string> libraries() const override { return {}; }
  absl::StatusOr<MemoryInfo> memory() override;

  absl::StatusOr<void*> Allocate(int64_t bytes) override;
  void Free(void* memory) override;
  absl::Status Upload(const void* from, void* to, int64_t bytes) override;
  absl::Status Download(const void* from, void* to, int64_t bytes) override;
  absl::Status Fetch(const void* from, int64_t bytes) override;
  absl::Status Fetched(void* to) override;
  absl::Status Copy(const void* from, void* to, int64_t bytes) override;
  absl::Status Clear(void* memory, int64_t bytes) override;
  absl::Status Wait() override;
  absl::Status Launch(const kernels::Kernel& kernel, int64_t n) override;
  void SetPrecision(Precision precision) override { precision_ = precision; }
  absl::Status Multiply(const Gemm& gemm) override;
  absl::StatusOr<std::unique_ptr<Conv>> MakeConv(const ConvGeometry& geometry,
                                                 int64_t rows) override;
  absl::Status BeginRecord() override;
  absl::StatusOr<int> EndRecord() override;
  absl::Status Replay(int record) override;
  void Forget() override { records_.clear(); }
  absl::StatusOr<std::unique_ptr<Ops>> Second() override {
    return std::make_unique<HostOps>(device_);
  }

  // ---- for tests
  // ---------------------------------------------------------------------------------

  HostDevice& device() { return *device_; }
  int64_t launches() const { return launches_; }
  int64_t replays() const { return replays_; }
  int64_t uploaded() const { return uploaded_; }  // bytes
  // Every call from now on fails so, as after a sticky device error.
  void Break(const absl::Status& status) { broken_ = status; }

  // Runs it now, or records it.
  absl::Status Do(std::function<void()> work);

 private:
  std::shared_ptr<HostDevice> device_;
  Precision precision_ = Precision::kFloat32;
  bool recording_ = false;
  std::vector<std::function<void()>> record_;
  std::vector<std::vector<std::function<void()>>> records_;
  std::vector<std::byte> fetched_;
  absl::Status broken_;
  int64_t launches_ = 0;
  int64_t replays_ = 0;
  int64_t uploaded_ = 0;
};

}  // namespace hebb::gpu

#endif  // HEBB_TESTS_TESTING_GPU_HOST_OPS_H_
