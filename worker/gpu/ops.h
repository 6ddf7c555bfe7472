// SPDX-License-Identifier: Apache-2.0
// What a GPU does for its engine: memory, kernels, products, convolutions. The plugin does it with
// CUDA, cuBLAS and cuDNN; the tests with loops on the host over the same kernel bodies (kernels/),
// so that all of the engine but the libraries' own numbers is tested where there is no GPU.
//
// Everything runs in the order of the calls, on one queue of the device ("stream"), beside the host
// until a call says that it waits. Pointers into device memory are never followed by the host.
#ifndef HEBB_WORKER_GPU_OPS_H_
#define HEBB_WORKER_GPU_OPS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/gpu/kernels/kernel.h"

namespace hebb::gpu {

// In which numbers products are taken. Sums are float32 always.
enum class Precision {
  kFloat32,
  kTf32,  // factors rounded to 10 bits; of numbers rounded to bfloat16 before, these themselves
};

// Row-major: c[m][n] = op(a)[m][k] op(b)[k][n], without gaps between rows. A transposed factor lies
// as [k][m], or [n][k].
struct Gemm {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;
  bool a_transposed = false;
  const float* b = nullptr;
  bool b_transposed = false;
  float* c = nullptr;
};

// A convolution with the same padding on both sides. Images are [row][y][x][channel], filters, and
// their updates, [filter][ky][kx][channel].
struct ConvGeometry {
  int64_t in_channels = 0, in_height = 0, in_width = 0;
  int64_t out_channels = 0, out_height = 0, out_width = 0;
  int64_t kernel = 0, pad = 0, stride = 1;
  bool operator==(const ConvGeometry&) const = default;
};

// The three products of one convolution on a given number of rows. Algorithms are chosen once, by
// shape alone (never by timing), and give the same bits each time.
class Conv {
 public:
  virtual ~Conv() = default;
  virtual absl::Status Forward(const float* x, const float* filters, float* y) = 0;
  virtual absl::Status BackwardData(const float* d, const float* filters, float* delta) = 0;
  virtual absl::Status BackwardWeights(const float* x, const float* d, float* update) = 0;
  // Which algorithms, for the log: "fwd 1, data 1, weights 1".
  virtual std::string algorithms() const = 0;
};

struct MemoryInfo {
  int64_t free = 0;   // bytes
  int64_t total = 0;  // bytes
};

// Thread-safety: one thread at a time; but Second() may be used by another one at the same time.
//
// Errors: RESOURCE_EXHAUSTED names what was asked for and what is free. INTERNAL is the library's:
// expression, place and its own text; after a sticky device error every later call fails with it.
class Ops {
 public:
  virtual ~Ops() = default;

  virtual std::string device_name() const = 0;
  // As Engine::kernel_family: the device, its driver's and libraries' versions.
  virtual std::string kernel_family() const = 0;
  virtual std::map<std::string, std::string> libraries() const = 0;
  virtual absl::StatusOr<MemoryInfo> memory() = 0;

  // Zeros.
  virtual absl::StatusOr<void*> Allocate(int64_t bytes) = 0;
  virtual void Free(void* memory) = 0;

  // Returns once `from` may be changed.
  virtual absl::Status Upload(const void* from, void* to, int64_t bytes) = 0;
  // Waits for all calls before, and for this.
  virtual absl::Status Download(const void* from, void* to, int64_t bytes) = 0;
  // Begins to copy to the host, after all calls before; Fetched waits for that, not for what was
  // called since. The next Fetch takes the place of one that nobody waited for. Not to be recorded.
  virtual absl::Status Fetch(const void* from, int64_t bytes) = 0;
  // `to`: as many bytes as were asked for.
  virtual absl::Status Fetched(void* to) = 0;
  virtual absl::Status Copy(const void* from, void* to, int64_t bytes) = 0;
  virtual absl::Status Clear(void* memory, int64_t bytes) = 0;
  // Waits for all calls before.
  virtual absl::Status Wait() = 0;

  // Runs the kernel for indices 0 to n-1. n = 0: nothing.
  virtual absl::Status Launch(const kernels::Kernel& kernel, int64_t n) = 0;

  // Holds for the products that follow.
  virtual void SetPrecision(Precision precision) = 0;
  virtual absl::Status Multiply(const Gemm& gemm) = 0;
  // In the precision of the moment. NOT_FOUND: the library has no algorithm (unfolded_conv.h).
  virtual absl::StatusOr<std::unique_ptr<Conv>> MakeConv(const ConvGeometry& geometry,
                                                         int64_t rows) = 0;

  // From BeginRecord on, Launch, Multiply, Copy, Clear and convolutions are recorded instead of
  // run; EndRecord gives a number by which Replay runs them all. Nothing else may be called between
  // the two. Forget gives all records back.
  virtual absl::Status BeginRecord() = 0;
  virtual absl::StatusOr<int> EndRecord() = 0;
  virtual absl::Status Replay(int record) = 0;
  virtual void Forget() = 0;

  // A second queue on the same device, with the same memory: for sums beside the engine's work.
  virtual absl::StatusOr<std::unique_ptr<Ops>> Second() = 0;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_OPS_H_
