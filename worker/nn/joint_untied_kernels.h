// SPDX-License-Identifier: Apache-2.0
// The three products of an untied layer on the rows of all slices of a rank, one matrix to an
// output place p, x_p the pixels that it sees, channels last:
//   h_p = bias_p + W_p x_p,   delta_{l-1} = sum over p of B_p^T d_p,   G_p = the fold over slices
//   of the slice's sum over rows of d_p x_p^T.
// x is [row][y][x][channel], h and d [row][y][x][filter]; W, B and G lie as UntiedGeometry says,
// bias as one row of h. The caller owns all of them.
//
// Every number is one chain of fused multiplications and additions, each rounded once, in a fixed
// order: h starts with its bias (or +0) and goes on by tap and channel; delta starts with +0 and
// goes on by place, then filter; a slice's part of G starts with +0 and goes on by row, and the
// parts are added in the fold's order. So bits depend neither on the other rows nor on their
// number, on threads, or on the width of the machine's registers. A machine that cannot fuse (x86
// from before 2013) gets the same bits, slowly.
//
// What it costs: a product touches each of the n connections once (4 n bytes, whatever the number
// of slices) and makes 2 n rows operations. A core of a Zen 4 reads 30 GB/s from memory and
// computes 118 GFLOP/s, one of a Zen 5 twice as much: memory is the floor up to 8 and 14 rows,
// arithmetic beyond. bench/untied_bench shows both shares.
#ifndef HEBB_WORKER_NN_JOINT_UNTIED_KERNELS_H_
#define HEBB_WORKER_NN_JOINT_UNTIED_KERNELS_H_

#include <memory>

#include "worker/nn/conv_kernels.h"
#include "worker/nn/joint_kernels.h"

namespace hebb::nn {

struct JointUntiedTiles;

class JointUntiedKernels : public JointKernels {
 public:
  // For pools of up to `threads` threads. `tiles`: the inner loops, of this machine's width by
  // default.
  static std::unique_ptr<JointUntiedKernels> Create(const ConvShape& shape, int threads);
  static std::unique_ptr<JointUntiedKernels> Create(const ConvShape& shape, int threads,
                                                    const JointUntiedTiles& tiles);
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_UNTIED_KERNELS_H_
