// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/slice_sums.h"

#include "common/check.h"

namespace hebb::gpu {

std::vector<int8_t> FoldProgram(const slices::Fold& fold) {
  HEBB_CHECK(fold.depth() <= kernels::kFoldDepth && fold.roots() <= INT8_MAX);
  std::vector<int8_t> program;
  for (int input = 0; input < fold.inputs(); ++input) {
    program.push_back(static_cast<int8_t>(fold.merges(input)));
    program.push_back(static_cast<int8_t>(fold.root(input)));
  }
  return program;
}

SliceSums::SliceSums(std::span<const engine::SumInfo> sums, const slices::Fold& fold, Work& work)
    : pool_(work.ops()), slices_(fold.inputs()) {
  const std::vector<int8_t> program = FoldProgram(fold);
  auto* const to = pool_.Take<int8_t>(static_cast<int64_t>(program.size()));
  if (to != nullptr) work.Upload(std::span(program), to);
  program_ = to;
  for (const engine::SumInfo& info : sums) Add(info.size, fold.roots(), work);
}

void SliceSums::Add(int64_t size, int roots, Work& work) {
  SliceSum sum;
  sum.size = size;
  sum.stride = (size + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
  std::vector<const float*> inputs;
  std::vector<float*> nodes;
  for (int root = 0; root < roots; ++root) nodes.push_back(pool_.Take<float>(size));
  sum.parts = slices_ == 1 ? nodes[0] : pool_.Take<float>(sum.stride * slices_);
  for (int slice = 0; slice < slices_; ++slice) inputs.push_back(sum.part(slice));
  sum.nodes.assign(nodes.begin(), nodes.end());
  auto* const device_inputs = pool_.Take<const float*>(slices_);
  auto* const device_roots = pool_.Take<float*>(roots);
  if (pool_.status().ok()) {
    work.Upload(std::span<const float* const>(inputs), device_inputs);
    work.Upload(std::span<float* const>(nodes), device_roots);
  }
  sum.inputs = device_inputs;
  sum.roots = device_roots;
  sums_.push_back(std::move(sum));
}

void SliceSums::Fold(int sum, int64_t begin, int64_t count, Work& work) const {
  if (slices_ == 1) return;
  const SliceSum& s = sums_[sum];
  work.Launch(kernels::FoldVectors{s.inputs, s.roots, program_, slices_,
                                   static_cast<kernels::Index>(begin)},
              count);
}

}  // namespace hebb::gpu
