// SPDX-License-Identifier: Apache-2.0
// Makes calls on one device, from whatever thread, and remembers when the device is lost.
#ifndef HEBB_WORKER_CUDA_DEVICE_CALLS_H_
#define HEBB_WORKER_CUDA_DEVICE_CALLS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hebb::cuda {

// One thread at a time.
class DeviceCalls {
 public:
  explicit DeviceCalls(int device) : device_(device) {}

  int device() const { return device_; }

  // Runs the calls with this device as the thread's. An error after which CUDA refuses all work
  // (a kernel read where it must not, say) sticks: every later Run returns it at once.
  absl::Status Run(absl::FunctionRef<absl::Status()> calls);

  // The same for calls that give an absl::StatusOr.
  template <typename Calls>
  auto Get(Calls calls) -> decltype(calls()) {
    decltype(calls()) result = absl::UnknownError("not called");
    const absl::Status status = Run([&] {
      result = calls();
      return result.status();
    });
    if (!status.ok()) return status;
    return result;
  }

 private:
  const int device_;
  absl::Status lost_;
};

}  // namespace hebb::cuda

#endif  // HEBB_WORKER_CUDA_DEVICE_CALLS_H_
