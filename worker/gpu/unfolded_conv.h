// SPDX-License-Identifier: Apache-2.0
// A convolution without the library's: unfolded images and matrix products, for shapes of which the
// library has no algorithm that gives the same bits each time.
#ifndef HEBB_WORKER_GPU_UNFOLDED_CONV_H_
#define HEBB_WORKER_GPU_UNFOLDED_CONV_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/gpu/ops.h"

namespace hebb::gpu {

// One thread at a time. Borrows the device, owns memory for the lines of all rows there.
class UnfoldedConv final : public Conv {
 public:
  // RESOURCE_EXHAUSTED: no memory for the lines.
  static absl::StatusOr<std::unique_ptr<UnfoldedConv>> Create(Ops& ops,
                                                              const ConvGeometry& geometry,
                                                              int64_t rows);
  ~UnfoldedConv() override;
  UnfoldedConv(const UnfoldedConv&) = delete;
  UnfoldedConv& operator=(const UnfoldedConv&) = delete;

  absl::Status Forward(const float* x, const float* filters, float* y) override;
  absl::Status BackwardData(const float* d, const float* filters, float* delta) override;
  absl::Status BackwardWeights(const float* x, const float* d, float* update) override;
  std::string algorithms() const override { return "unfolded"; }

 private:
  UnfoldedConv(Ops& ops, const ConvGeometry& geometry, int64_t rows);
  absl::Status Unfold(const float* x);

  Ops& ops_;
  const kernels::Windows windows_;
  const int64_t rows_;
  const int64_t lines_;  // places of all rows
  const int64_t taps_;   // entries of a line
  const int64_t filters_;
  float* unfolded_ = nullptr;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_UNFOLDED_CONV_H_
