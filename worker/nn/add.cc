// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/add.h"

#include <algorithm>

#include "worker/nn/elementwise.h"
#include "worker/nn/sigma.h"

namespace hebb::nn {
namespace {

// Sum and activation take turns over so many units, so that sums are still in the cache.
constexpr int64_t kChunkFloats = 16384;

class Add : public Layer {
 public:
  Add(int64_t units, spec::Activation activation) : units_(units), sigma_(activation, units) {}

  absl::Status Prepare(int64_t rows) override {
    sigma_.Prepare(rows);
    return absl::OkStatus();
  }

  absl::Status Forward(const Batch& batch, std::span<const float* const> inputs,
                       float* output) override {
    const int64_t units = batch.rows * units_;
    for (int64_t begin = 0; begin < units; begin += kChunkFloats) {
      const int64_t size = std::min(kChunkFloats, units - begin);
      SumInputs(inputs, begin, size, output + begin);
      sigma_.Forward(begin, size, output + begin);
    }
    return absl::OkStatus();
  }

  void Gate(const Trace& trace, float* delta) override { sigma_.Gate(trace, delta); }

  absl::Status Backward(const Trace& trace, const float* d, int, float* input_delta) override {
    std::copy_n(d, trace.rows * units_, input_delta);
    return absl::OkStatus();
  }

  bool passes_delta() const override { return true; }

 private:
  static void SumInputs(std::span<const float* const> inputs, int64_t begin, int64_t size,
                        float* to) {
    if (inputs.size() < 2) {
      std::copy_n(inputs[0] + begin, size, to);
      return;
    }
    Sum(size, inputs[0] + begin, inputs[1] + begin, to);
    for (const float* input : inputs.subspan(2)) AddInto(size, input + begin, to);
  }

  const int64_t units_;
  Sigma sigma_;
};

}  // namespace

std::unique_ptr<Layer> MakeAdd(int64_t units, spec::Activation activation) {
  return std::make_unique<Add>(units, activation);
}

}  // namespace hebb::nn
