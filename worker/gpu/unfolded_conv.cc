// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/unfolded_conv.h"

#include "common/status_macros.h"

namespace hebb::gpu {
namespace {

kernels::Windows WindowsOf(const ConvGeometry& g) {
  const auto as_int = [](int64_t n) { return static_cast<int>(n); };
  return {as_int(g.in_channels), as_int(g.in_height), as_int(g.in_width), as_int(g.out_height),
          as_int(g.out_width),   as_int(g.kernel),    as_int(g.stride),   as_int(g.pad)};
}

}  // namespace

UnfoldedConv::UnfoldedConv(Ops& ops, const ConvGeometry& geometry, int64_t rows)
    : ops_(ops),
      windows_(WindowsOf(geometry)),
      rows_(rows),
      lines_(rows * geometry.out_height * geometry.out_width),
      taps_(geometry.kernel * geometry.kernel * geometry.in_channels),
      filters_(geometry.out_channels) {}

absl::StatusOr<std::unique_ptr<UnfoldedConv>> UnfoldedConv::Create(Ops& ops,
                                                                   const ConvGeometry& geometry,
                                                                   int64_t rows) {
  std::unique_ptr<UnfoldedConv> conv(new UnfoldedConv(ops, geometry, rows));
  const int64_t bytes = conv->lines_ * conv->taps_ * static_cast<int64_t>(sizeof(float));
  HEBB_ASSIGN_OR_RETURN(void* const memory, ops.Allocate(bytes));
  conv->unfolded_ = static_cast<float*>(memory);
  return conv;
}

UnfoldedConv::~UnfoldedConv() {
  if (unfolded_ != nullptr) ops_.Free(unfolded_);
}

absl::Status UnfoldedConv::Unfold(const float* x) {
  return ops_.Launch(kernels::Unfold{windows_, x, unfolded_}, lines_ * taps_);
}

absl::Status UnfoldedConv::Forward(const float* x, const float* filters, float* y) {
  HEBB_RETURN_IF_ERROR(Unfold(x));
  return ops_.Multiply({.m = lines_,
                        .n = filters_,
                        .k = taps_,
                        .a = unfolded_,
                        .b = filters,
                        .b_transposed = true,
                        .c = y});
}

absl::Status UnfoldedConv::BackwardData(const float* d, const float* filters, float* delta) {
  HEBB_RETURN_IF_ERROR(ops_.Multiply(
      {.m = lines_, .n = taps_, .k = filters_, .a = d, .b = filters, .c = unfolded_}));
  return ops_.Launch(kernels::Refold{windows_, unfolded_, delta}, rows_ * windows_.in_units());
}

absl::Status UnfoldedConv::BackwardWeights(const float* x, const float* d, float* update) {
  HEBB_RETURN_IF_ERROR(Unfold(x));
  return ops_.Multiply({.m = filters_,
                        .n = taps_,
                        .k = lines_,
                        .a = d,
                        .a_transposed = true,
                        .b = unfolded_,
                        .c = update});
}

}  // namespace hebb::gpu
