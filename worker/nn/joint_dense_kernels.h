// SPDX-License-Identifier: Apache-2.0
// The three products of a dense layer on the rows of all slices of a rank at once, all matrices
// row-major: x and delta [rows][inputs], h and d [rows][units], W, B and G [units][inputs].
//   h = bias + x W^T,   delta = d B,   G = nodes of the tree over the slices' d^T x.
//
// Every number is one chain of fused multiplications and additions, each rounded once, in a fixed
// order: h starts with its bias and goes on by input; delta by unit; a slice's part of G by row,
// and then come the additions of the fold. So results depend neither on the other rows nor on
// their number, the threads or the width of the machine's registers.
//
// Each product is cut into tiles of sums that stay in registers, and spread over the pool by what
// it reads or writes most of: forward by units, so that W passes by once; the others by inputs, so
// that B does, and G is written once; small products on the calling thread alone. Of two factors of
// a tile one is broadcast (W or d), the other lies in panels, a few registers of lanes wide, which
// are packed on the way into the second cache and stay there while the broadcast one passes by.
#ifndef HEBB_WORKER_NN_JOINT_DENSE_KERNELS_H_
#define HEBB_WORKER_NN_JOINT_DENSE_KERNELS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "worker/device/aligned_buffer.h"
#include "worker/nn/joint_kernels.h"

namespace hebb::nn {

struct DenseTile;
struct DenseTiles;

class JointDenseKernels : public JointKernels {
 public:
  // `threads`: at least as many as a pool has that is passed below. `tiles`: the inner loops, of
  // this machine's width by default.
  static std::unique_ptr<JointDenseKernels> Create(int64_t inputs, int64_t units, int threads);
  static std::unique_ptr<JointDenseKernels> Create(int64_t inputs, int64_t units, int threads,
                                                   const DenseTiles& tiles);
  ~JointDenseKernels() override;

  void PrepareRows(int64_t most_rows) override;
  void Forward(int64_t rows, const float* x, const float* w, const float* bias, float* h,
               device::ComputePool& pool) override;
  void BackwardData(int64_t rows, const float* d, const float* b, float* delta,
                    device::ComputePool& pool) override;
  void BackwardWeights(const JointRows& rows, const float* x, const float* d,
                       const slices::Fold& fold, std::span<float* const> nodes,
                       device::ComputePool& pool) override;

 private:
  struct Panel;
  struct Scratch;

  JointDenseKernels(int64_t inputs, int64_t units, int threads, const DenseTiles& tiles);

  int64_t PanelLanes(int64_t left) const;
  template <typename Visit>
  void ForEachPanel(int64_t begin, int64_t end, const Visit& visit) const;
  template <typename Visit>
  void ForEachTile(int64_t begin, int64_t end, const Visit& visit) const;
  // Blocks of at most this many inputs for panels of such a depth.
  int64_t InputsOfBlock(int64_t depth) const;

  void TransposeInputs(int64_t rows, int64_t begin, int64_t end, const float* x);
  void ForwardUnits(int64_t rows, int64_t begin, int64_t end, const float* w, const float* bias,
                    Scratch& scratch, float* h) const;
  void BackwardInputs(int64_t rows, int64_t begin, int64_t end, const float* d, const float* b,
                      Scratch& scratch, float* delta) const;
  void UpdateInputs(const JointRows& rows, int64_t begin, int64_t end, const float* x,
                    const float* d, const slices::Fold& fold, std::span<float* const> nodes,
                    Scratch& scratch) const;
  void Place(bool first, const Panel& panel, int64_t depth, const float* matrix, float* packed,
             DenseTile& tile) const;

  const int64_t inputs_;
  const int64_t units_;
  const DenseTiles& tiles_;
  int64_t most_rows_ = 0;
  device::FloatBuffer lanes_;     // x for forward: [panel of rows][input][lane]
  std::vector<Scratch> scratch_;  // of each thread
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_DENSE_KERNELS_H_
