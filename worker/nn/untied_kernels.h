// SPDX-License-Identifier: Apache-2.0
// The three products of an untied layer on channels-last data, one matrix to an output place p,
// x_p the pixels that it sees:
//   h_p = bias_p + W_p x_p,   delta_{l-1} = sum over p of B_p^T d_p,   G_p = sum over rows of
//   d_p x_p^T.
// W, B and G lie as UntiedGeometry says, bias as h.
//
// Every number is one chain of fused multiplications and additions, each rounded once, in a fixed
// order: h starts with its bias and goes on by tap and channel; delta by place, then filter; G by
// row. So a row's results depend neither on the other rows nor on their number, nor on the width of
// the machine's registers. A machine that cannot fuse (x86 from before 2013) gets the same bits,
// slowly.
//
// What it costs: a product touches each of the n connections once (4 n bytes) and multiplies and
// adds `rows` times with it (2 n rows operations). One core of a Zen 4 reads some 30 GB/s from
// memory and makes 16 of both per cycle, some 115 GFLOP/s: the two take equally long at about 8
// rows. A slice of 6 is thus bound by both at once, and anything that would touch W twice, or leave
// lanes idle, costs time. Measured there with 6 rows (bench/untied_bench): W x and d x^T 35 to 38
// GB/s from the last cache, B^T d 20 GB/s (6 rows in 8 lanes).
#ifndef HEBB_WORKER_NN_UNTIED_KERNELS_H_
#define HEBB_WORKER_NN_UNTIED_KERNELS_H_

#include <cstdint>
#include <memory>

#include "worker/nn/conv_kernels.h"

namespace hebb::nn {

struct UntiedTiles;

// Thread-safety: one thread at a time.
class UntiedKernels {
 public:
  // `tiles`: the inner loops, of this machine's width by default.
  static std::unique_ptr<UntiedKernels> Create(const ConvShape& shape);
  static std::unique_ptr<UntiedKernels> Create(const ConvShape& shape, const UntiedTiles& tiles);
  virtual ~UntiedKernels() = default;

  // Makes room for that many rows; allocates only if it is more than ever before.
  virtual void PrepareRows(int64_t rows) = 0;

  // REQUIRES: PrepareRows for that many rows or more.
  virtual void Forward(int64_t rows, const float* x, const float* w, const float* bias,
                       float* h) = 0;  // bias: null without
  virtual void BackwardData(int64_t rows, const float* d, const float* b, float* delta) = 0;
  virtual void BackwardWeights(int64_t rows, const float* x, const float* d, float* g) = 0;
  // With relu(x) in the place of x (the asymmetric update).
  virtual void BackwardWeightsRelu(int64_t rows, const float* x, const float* d, float* g) = 0;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_UNTIED_KERNELS_H_
