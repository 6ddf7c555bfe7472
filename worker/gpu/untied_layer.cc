// SPDX-License-Identifier: Apache-2.0
// An untied layer (paper.md 7): own kernels, whose order of additions knows no rows but one's own,
// so that all slices go in one call.
#include <vector>

#include "worker/gpu/weighted_layer.h"
#include "worker/nn/untied_geometry.h"

namespace hebb::gpu {
namespace {

class UntiedLayer : public WeightedLayer {
 public:
  UntiedLayer(const LayerPlace& place, const spec::Conv& conv)
      : WeightedLayer(place, conv.activation) {
    const nn::ConvShape shape = engine::ConvShapeOf(conv, place.planned.resolved);
    const nn::UntiedGeometry geometry(shape);
    const auto as_int = [](int64_t n) { return static_cast<int>(n); };
    shape_.w = {as_int(shape.input.channels), as_int(shape.input.height), as_int(shape.input.width),
                as_int(shape.output.height),  as_int(shape.output.width), as_int(shape.kernel),
                as_int(shape.stride),         as_int(shape.pad_before)};
    shape_.kernel = as_int(shape.kernel);
    shape_.filters = as_int(shape.output.channels);
    std::vector<kernels::Taps> rows, columns;
    for (int64_t y = 0; y < shape.output.height; ++y) rows.push_back(TapsOf(geometry.row(y)));
    for (int64_t x = 0; x < shape.output.width; ++x) columns.push_back(TapsOf(geometry.column(x)));
    shape_.column_taps = columns.back().before + columns.back().count;
    shape_.rows = OnDevice(rows, place.pool);
    shape_.columns = OnDevice(columns, place.pool);
  }

  void Backward(const Rows& rows, const Trace&, const float* d, int,
                const kernels::GatedDelta& to) override {
    const kernels::UntiedBack back = {shape_, d, matrices_.feedback, to.delta,
                                      static_cast<int>(rows.count())};
    work().Launch(back, back.indices());
  }

  void WeightUpdate(const Rows& rows, const Trace& trace, const float* d,
                    const UpdatePlace& to) override {
    Update(rows, trace.inputs[0], d, to, /*positive=*/false);
  }
  void PositiveUpdate(const Rows& rows, const Trace& trace, const float* d,
                      const UpdatePlace& to) override {
    Update(rows, trace.inputs[0], d, to, /*positive=*/true);
  }
  bool folds_itself() const override { return true; }

 private:
  static kernels::Taps TapsOf(const nn::TapRange& range) {
    return {static_cast<int32_t>(range.tap), static_cast<int32_t>(range.pixel),
            static_cast<int32_t>(range.count), static_cast<int32_t>(range.before)};
  }

  const kernels::Taps* OnDevice(const std::vector<kernels::Taps>& taps, Pool& pool) {
    auto* const to = pool.Take<kernels::Taps>(static_cast<int64_t>(taps.size()));
    if (to != nullptr) work().Upload(std::span<const kernels::Taps>(taps), to);
    return to;
  }

  void Fields(const Rows& rows, const float* x, float* fields) override {
    const kernels::UntiedForward forward = {shape_, x, matrices_.forward, fields,
                                            static_cast<int>(rows.count())};
    work().Launch(forward, forward.indices());
  }

  void Products(const Rows& rows, const float* x, const float* d, const UpdatePlace& to) override {
    Update(rows, x, d, to, /*positive=*/false);
  }

  void Update(const Rows& rows, const float* x, const float* d, const UpdatePlace& to,
              bool positive) {
    const kernels::UntiedUpdate update = {shape_,
                                          x,
                                          d,
                                          rows.device_offsets,
                                          to.sums.of(to.sum).roots,
                                          to.sums.program(),
                                          rows.slices(),
                                          static_cast<size_t>(to.first),
                                          positive};
    work().Launch(update, update.indices());
  }

  kernels::UntiedShape shape_ = {};
};

}  // namespace

std::unique_ptr<Layer> MakeUntiedLayer(const LayerPlace& place, const spec::Conv& conv) {
  return std::make_unique<UntiedLayer>(place, conv);
}

}  // namespace hebb::gpu
