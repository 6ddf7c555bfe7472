// SPDX-License-Identifier: Apache-2.0
// A fully connected layer: W, R and G are [unit][input].
#include "worker/gpu/weighted_layer.h"

namespace hebb::gpu {
namespace {

class DenseLayer : public WeightedLayer {
 public:
  DenseLayer(const LayerPlace& place, const spec::Dense& dense)
      : WeightedLayer(place, dense.activation) {}

  void Backward(const Rows& rows, const Trace&, const float* d, int,
                const kernels::GatedDelta& to) override {
    const float* signal = SignalFactor(rows, d);
    ForEachSlice(rows, [&](int64_t first, int64_t count, int) {
      work().Multiply({.m = count,
                       .n = in_,
                       .k = out_,
                       .a = signal + first * out_,
                       .b = matrices_.feedback,
                       .c = to.delta + first * in_});
    });
  }

 private:
  void Fields(const Rows& rows, const float* x, float* fields) override {
    const float* inputs = InputFactor(rows, x);
    ForEachSlice(rows, [&](int64_t first, int64_t count, int) {
      work().Multiply({.m = count,
                       .n = out_,
                       .k = in_,
                       .a = inputs + first * in_,
                       .b = matrices_.forward,
                       .b_transposed = true,
                       .c = fields + first * out_});
    });
  }

  void Products(const Rows& rows, const float* x, const float* d, const UpdatePlace& to) override {
    const float* inputs = InputFactor(rows, x);
    const float* signal = SignalFactor(rows, d);
    ForEachPart(rows, to, out_ * in_, [&](int64_t first, int64_t count, float* part) {
      work().Multiply({.m = out_,
                       .n = in_,
                       .k = count,
                       .a = signal + first * out_,
                       .a_transposed = true,
                       .b = inputs + first * in_,
                       .c = part});
    });
  }
};

}  // namespace

std::unique_ptr<Layer> MakeDenseLayer(const LayerPlace& place, const spec::Dense& dense) {
  return std::make_unique<DenseLayer>(place, dense);
}

}  // namespace hebb::gpu
