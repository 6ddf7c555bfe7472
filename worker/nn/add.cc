// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/add.h"

#include <algorithm>

#include "worker/nn/elementwise.h"

namespace hebb::nn {
namespace {

class Add : public Layer {
 public:
  explicit Add(int64_t units) : units_(units) {}

  absl::Status Prepare(int64_t) override { return absl::OkStatus(); }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const int64_t size = batch.rows * units_;
    if (inputs.size() < 2) {
      std::copy_n(inputs[0], size, output);
      return absl::OkStatus();
    }
    Sum(size, inputs[0], inputs[1], output);
    for (const float* input : inputs.subspan(2)) AddInto(size, input, output);
    return absl::OkStatus();
  }

  absl::Status Backward(const Trace& trace, const float* delta, int, float* input_delta) override {
    std::copy_n(delta, trace.rows * units_, input_delta);
    return absl::OkStatus();
  }

  bool passes_delta() const override { return true; }

 private:
  const int64_t units_;
};

}  // namespace

std::unique_ptr<Layer> MakeAdd(int64_t units) { return std::make_unique<Add>(units); }

}  // namespace hebb::nn
