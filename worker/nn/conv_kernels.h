// SPDX-License-Identifier: Apache-2.0
// The three products of a convolution on channels-last data:
//   h = W x,   delta_{l-1} = B^T d (transposed convolution),   G = sum over rows and places of d
//   x^T.
// Output (y, x) sees the input from (y stride - pad_before, x stride - pad_before) on. Input that
// no window sees gets delta 0. W, B and G are canonical [out][in][ky][kx]; what the kernels read is
// packed from it once a step.
//
// In bfloat16 (precision: bf16) the two factors of a product are rounded to it, each number once,
// and the products are summed in float32; all that goes in and comes out is float32.
#ifndef HEBB_WORKER_NN_CONV_KERNELS_H_
#define HEBB_WORKER_NN_CONV_KERNELS_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/shapes.h"
#include "worker/device/aligned_buffer.h"
#include "worker/nn/bf16.h"

namespace hebb::nn {

struct ConvShape {
  spec::Shape input;
  spec::Shape output;
  int64_t kernel = 0;
  int64_t pad_before = 0;
  int64_t pad_after = 0;  // 0 where windows leave rows and columns over
  int64_t stride = 1;
  int64_t weights() const { return output.channels * input.channels * kernel * kernel; }
};

// Memory for kernels that run one after the other; grows as they are prepared. Thread-safety: one
// thread at a time.
struct ConvScratch {
  Bf16Scratch rounded;
  device::FloatBuffer transformed;
};

// Thread-safety: one thread at a time; instances of one shape pack alike and may share packed
// matrices. Used on threads of a ComputePool. INTERNAL: the library refused.
class ConvKernels {
 public:
  // `scratch` is borrowed. `bf16`: products in bfloat16; REQUIRES: HasBf16Products().
  static absl::StatusOr<std::unique_ptr<ConvKernels>> Create(const ConvShape& shape, bool bf16,
                                                             ConvScratch* scratch);
  virtual ~ConvKernels() = default;

  // Floats of the packed forms; the caller owns the memory.
  virtual int64_t packed_forward_size() const = 0;
  virtual int64_t packed_feedback_size() const = 0;
  virtual absl::Status PackForward(const float* weights, float* packed) = 0;
  virtual absl::Status PackFeedback(const float* feedback, float* packed) = 0;

  // Makes the kernels for this number of rows, once each: a kernel serves one number of rows, so
  // that no result depends on other slices. The first makes what Forward alone needs.
  virtual absl::Status PrepareForward(int64_t rows) = 0;
  virtual absl::Status PrepareRows(int64_t rows) = 0;

  // REQUIRES: PrepareForward(rows); of the others PrepareRows(rows).
  virtual absl::Status Forward(int64_t rows, const float* x, const float* packed, float* h) = 0;
  virtual absl::Status BackwardData(int64_t rows, const float* d, const float* packed,
                                    float* delta) = 0;
  virtual absl::Status BackwardWeights(int64_t rows, const float* x, const float* d, float* g) = 0;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_CONV_KERNELS_H_
