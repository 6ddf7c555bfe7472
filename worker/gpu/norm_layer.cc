// SPDX-License-Identifier: Apache-2.0
// Batch normalisation (nn/batch_norm.h says what it is, and how exact).
#include "worker/gpu/layer.h"

namespace hebb::gpu {
namespace {

using kernels::Index;

class Norm : public NormLayer {
 public:
  Norm(const LayerPlace& place, const spec::BatchNorm& norm)
      : tools_(place.tools),
        matrices_(*place.matrices),
        channels_(place.planned.resolved.output.channels),
        places_(place.planned.resolved.output.height * place.planned.resolved.output.width),
        epsilon_(norm.epsilon),
        momentum_(norm.momentum),
        over_batch_(norm.statistics == spec::Statistics::kBatch),
        sigma_(norm.activation, channels_ * places_, place.max_rows, place.pool) {
    const int64_t sets = (over_batch_ ? 1 : place.max_slices) * channels_;
    by_ = {place.pool.Take<float>(sets), place.pool.Take<double>(sets),
           place.pool.Take<float>(sets), place.pool.Take<float>(sets),
           place.pool.Take<float>(sets)};
  }

  bool over_batch() const override { return over_batch_; }

  void PartStatistics(const Rows& rows, const float* input, const UpdatePlace& to) override {
    const kernels::SliceParts parts = PartsOf(rows, places_, channels_);
    work().Launch(kernels::PartMoments{parts, input, tools_.scratch.partials},
                  rows.slices() * parts.parts * channels_);
    const SliceSum& sum = to.sums.of(to.sum);
    TotalPairs(rows, parts.parts, sum.parts + to.first, static_cast<size_t>(sum.stride));
    if (over_batch_) return;
    TotalPairs(rows, parts.parts, tools_.scratch.totals, 2 * static_cast<size_t>(channels_));
  }
  void TakeStatistics(const Rows& rows, const float* sums) override {
    work().Launch(
        kernels::NormFromBatch{sums, matrices_.forward, by_, BatchCount(rows), epsilon_, columns()},
        channels_);
  }
  void OwnStatistics(const Rows& rows) override {
    work().Launch(kernels::NormFromSlices{tools_.scratch.totals, matrices_.forward, by_,
                                          SliceCount(rows), epsilon_, columns()},
                  rows.slices() * channels_);
  }
  void RunningStatistics() override {
    work().Launch(kernels::NormFromRunning{matrices_.running_mean, matrices_.running_variance,
                                           matrices_.forward, by_, epsilon_},
                  channels_);
  }

  void Forward(const Rows& rows, const Trace& trace) override {
    work().Launch(
        kernels::Normalise{trace.inputs[0], matrices_.bias, by_, SetsOf(rows), trace.output,
                           sigma_.open(), sigma_.kind(), columns(), units()},
        rows.count() * units());
  }
  void Gate(const Rows& rows, const Trace& trace, float* delta) override {
    sigma_.Gate(rows, trace.output, delta, work());
  }
  kernels::GatedDelta Gated(const Trace& trace, float* delta) const override {
    return sigma_.Gated(trace.output, delta);
  }
  void NormUpdate(const Rows& rows, const Trace& trace, const float* d,
                  const UpdatePlace& to) override {
    const kernels::SliceParts parts = PartsOf(rows, places_, channels_);
    work().Launch(kernels::PartProducts{parts, d, trace.inputs[0], by_, tools_.scratch.partials,
                                        !over_batch_},
                  rows.slices() * parts.parts * channels_);
    double* const totals = tools_.scratch.totals;
    TotalPairs(rows, parts.parts, totals, 2 * static_cast<size_t>(channels_));
    const SliceSum& sum = to.sums.of(to.sum);
    work().Launch(kernels::NormUpdate{totals, by_, SliceCount(rows), sum.parts + to.first,
                                      static_cast<size_t>(sum.stride), columns(), !over_batch_},
                  rows.slices() * channels_);
  }
  void TakeUpdate(const Rows& rows, const float* update) override {
    work().Launch(kernels::NormBackFromUpdate{update, by_, BatchCount(rows), columns()}, channels_);
  }
  void Backward(const Rows& rows, const Trace& trace, const float* d, int,
                const kernels::GatedDelta& to) override {
    work().Launch(
        kernels::NormaliseBack{d, trace.inputs[0], by_, SetsOf(rows), to.delta, columns(), units()},
        rows.count() * units());
  }
  void FollowRunning(const Rows& rows, const float* sums, float* mean, float* variance) override {
    work().Launch(
        kernels::RunningMoments{sums, mean, variance, BatchCount(rows), momentum_, columns()},
        channels_);
  }

 private:
  Work& work() const { return tools_.work; }
  Index columns() const { return static_cast<Index>(channels_); }
  Index units() const { return static_cast<Index>(channels_ * places_); }

  // Which set each row was normalised with; null: the one there is.
  const uint32_t* SetsOf(const Rows& rows) const {
    return over_batch_ || !rows.training ? nullptr : rows.slice_of_row;
  }
  kernels::NormCount BatchCount(const Rows& rows) const {
    return {rows.step, nullptr, static_cast<double>(places_)};
  }
  kernels::NormCount SliceCount(const Rows& rows) const {
    return {rows.step, rows.device_offsets, static_cast<double>(places_)};
  }
  // The totals of pairs of sums.
  template <typename T>
  void TotalPairs(const Rows& rows, Index parts, T* to, size_t stride) {
    TotalParts(rows, parts, 2 * channels_, to, stride, tools_);
  }

  const LayerTools& tools_;
  const LayerMatrices& matrices_;
  const int64_t channels_;
  const int64_t places_;  // of a row
  const double epsilon_;
  const double momentum_;
  const bool over_batch_;
  Sigma sigma_;
  kernels::NormStatistics by_ = {};
};

}  // namespace

std::unique_ptr<Layer> MakeNormLayer(const LayerPlace& place, const spec::BatchNorm& norm) {
  return std::make_unique<Norm>(place, norm);
}

}  // namespace hebb::gpu
