// SPDX-License-Identifier: Apache-2.0
// What convolutions, dense and untied layers have in common: fields, a bias, an activation, and
// products with W, B and the inputs.
#ifndef HEBB_WORKER_GPU_WEIGHTED_LAYER_H_
#define HEBB_WORKER_GPU_WEIGHTED_LAYER_H_

#include "worker/gpu/layer.h"

namespace hebb::gpu {

class WeightedLayer : public Layer {
 public:
  WeightedLayer(const LayerPlace& place, spec::Activation activation)
      : tools_(place.tools),
        matrices_(*place.matrices),
        in_(place.planned.resolved.input.size()),
        out_(place.planned.resolved.output.size()),
        biases_(place.planned.update.bias > 0 ? place.planned.update.bias : 1),
        sigma_(activation, out_, place.max_rows, place.pool) {}

  void Forward(const Rows& rows, const Trace& trace) override {
    Fields(rows, trace.inputs[0], trace.output);
    sigma_.Forward(rows, matrices_.bias, biases_, trace.output, tools_.work);
  }
  void Gate(const Rows& rows, const Trace& trace, float* delta) override {
    sigma_.Gate(rows, trace.output, delta, tools_.work);
  }
  kernels::GatedDelta Gated(const Trace& trace, float* delta) const override {
    return sigma_.Gated(trace.output, delta);
  }
  void WeightUpdate(const Rows& rows, const Trace& trace, const float* d,
                    const UpdatePlace& to) override {
    Products(rows, trace.inputs[0], d, to);
  }
  void PositiveUpdate(const Rows& rows, const Trace& trace, const float* d,
                      const UpdatePlace& to) override {
    float* const positive = tools_.scratch.input;
    work().Launch(kernels::PositivePart{trace.inputs[0], positive}, rows.count() * in_);
    Products(rows, positive, d, to);
  }
  void BiasUpdate(const Rows& rows, const float* d, const UpdatePlace& to) override {
    SumColumns(rows, out_ / biases_, biases_, d, to, tools_);
  }

 protected:
  // h = W x.
  virtual void Fields(const Rows& rows, const float* x, float* fields) = 0;
  // sum d x^T, into the parts of all slices.
  virtual void Products(const Rows& rows, const float* x, const float* d,
                        const UpdatePlace& to) = 0;

  Work& work() const { return tools_.work; }

  // A factor as the library's products take it.
  const float* Factor(int64_t floats, const float* values, float* room) const {
    if (!tools_.rounds_to_bf16) return values;
    work().Launch(kernels::RoundToBf16{values, room}, floats);
    return room;
  }
  const float* InputFactor(const Rows& rows, const float* x) const {
    return Factor(rows.count() * in_, x, tools_.scratch.input);
  }
  const float* SignalFactor(const Rows& rows, const float* d) const {
    return Factor(rows.count() * out_, d, tools_.scratch.output);
  }

  // product(first row, rows, slice) for every slice that has rows.
  template <typename Product>
  static void ForEachSlice(const Rows& rows, Product product) {
    for (int slice = 0; slice < rows.slices(); ++slice) {
      if (rows.of_slice(slice) > 0) product(rows.offsets[slice], rows.of_slice(slice), slice);
    }
  }
  // product(first row, rows, part) for every slice; the parts of slices without rows become 0.
  template <typename Product>
  void ForEachPart(const Rows& rows, const UpdatePlace& to, int64_t floats, Product product) {
    const SliceSum& sum = to.sums.of(to.sum);
    for (int slice = 0; slice < rows.slices(); ++slice) {
      float* const part = sum.part(slice) + to.first;
      if (rows.of_slice(slice) == 0) {
        work().Clear(part, floats);
      } else {
        product(rows.offsets[slice], rows.of_slice(slice), part);
      }
    }
  }

  const LayerTools& tools_;
  const LayerMatrices& matrices_;
  const int64_t in_;   // units of a row
  const int64_t out_;  // units of a row

 private:
  const int64_t biases_;
  Sigma sigma_;
};

}  // namespace hebb::gpu

#endif  // HEBB_WORKER_GPU_WEIGHTED_LAYER_H_
