// SPDX-License-Identifier: Apache-2.0
#include "worker/gpu/layer.h"

#include <algorithm>
#include <variant>

#include "common/check.h"

namespace hebb::gpu {
namespace {

using kernels::Index;

kernels::Sigma KindOf(spec::Activation activation) {
  switch (activation) {
    case spec::Activation::kRamp:
      return kernels::Sigma::kRamp;
    case spec::Activation::kNone:
      return kernels::Sigma::kNone;
    case spec::Activation::kTanh:
      return kernels::Sigma::kTanh;
    case spec::Activation::kRelu:
      return kernels::Sigma::kRelu;
    case spec::Activation::kSigmoid:
      return kernels::Sigma::kSigmoid;
  }
  HEBB_CHECK(false);
}

int64_t PartsOfSlice(int64_t lines) {
  return (lines + kernels::kLinesOfPart - 1) / kernels::kLinesOfPart;
}

int64_t GroupsOf(int64_t parts) {
  return (parts + kernels::kPartsAtOnce - 1) / kernels::kPartsAtOnce;
}

}  // namespace

// ---- activations -------------------------------------------------------------------------------

Sigma::Sigma(spec::Activation activation, int64_t units, int64_t rows, Pool& pool)
    : kind_(KindOf(activation)), units_(units) {
  if (kind_ == kernels::Sigma::kRamp) open_ = pool.Take<uint8_t>(units * rows);
}

void Sigma::Forward(const Rows& rows, const float* bias, int64_t biases, float* values,
                    Work& work) {
  if (kind_ == kernels::Sigma::kNone && bias == nullptr) return;
  work.Launch(kernels::Activate{values, open_, bias,
                                static_cast<Index>(std::max<int64_t>(biases, 1)), kind_},
              rows.count() * units_);
}

void Sigma::Gate(const Rows& rows, const float* outputs, float* delta, Work& work) const {
  if (kind_ == kernels::Sigma::kNone) return;
  work.Launch(kernels::Gate{Gated(outputs, delta)}, rows.count() * units_);
}

// ---- sums --------------------------------------------------------------------------------------

kernels::SliceParts PartsOf(const Rows& rows, int64_t places, int64_t columns) {
  return {rows.device_offsets, static_cast<Index>(places),
          static_cast<Index>(PartsOfSlice(rows.most * places)), static_cast<Index>(columns)};
}

int64_t WithGroups(int64_t parts) {
  int64_t all = parts;
  while (parts > kernels::kPartsAtOnce) {
    parts = GroupsOf(parts);
    all += parts;
  }
  return all;
}

int64_t PartialsOf(int slices, int64_t most_rows, int64_t places, int64_t columns) {
  return slices * WithGroups(PartsOfSlice(most_rows * places)) * columns;
}

Partials Group(Partials partials, int64_t slices, int64_t columns, Work& work) {
  while (partials.parts > kernels::kPartsAtOnce) {
    const int64_t groups = GroupsOf(partials.parts);
    double* const room = partials.sums + slices * partials.parts * columns;
    work.Launch(kernels::GroupParts{partials.sums, room, static_cast<Index>(partials.parts),
                                    static_cast<Index>(groups), static_cast<Index>(columns)},
                slices * groups * columns);
    partials = {room, groups};
  }
  return partials;
}

template <typename T>
void TotalParts(const Rows& rows, int64_t parts, int64_t columns, T* to, size_t stride,
                const LayerTools& tools) {
  const Partials last = Group({tools.scratch.partials, parts}, rows.slices(), columns, tools.work);
  tools.work.Launch(kernels::TotalsOf<T>{last.sums, to, static_cast<Index>(last.parts),
                                         static_cast<Index>(columns), stride},
                    rows.slices() * columns);
}
template void TotalParts(const Rows&, int64_t, int64_t, float*, size_t, const LayerTools&);
template void TotalParts(const Rows&, int64_t, int64_t, double*, size_t, const LayerTools&);

void SumColumns(const Rows& rows, int64_t places, int64_t columns, const float* values,
                const UpdatePlace& to, const LayerTools& tools) {
  const kernels::SliceParts parts = PartsOf(rows, places, columns);
  tools.work.Launch(kernels::PartSums{parts, values, tools.scratch.partials},
                    rows.slices() * columns * parts.parts);
  const SliceSum& sum = to.sums.of(to.sum);
  TotalParts(rows, parts.parts, columns, sum.parts + to.first, static_cast<size_t>(sum.stride),
             tools);
}

// ---- making ------------------------------------------------------------------------------------

ScratchNeed NeedOf(const engine::PlannedLayer& planned, int slices, int64_t most_rows) {
  const spec::Shape& out = planned.resolved.output;
  ScratchNeed need;
  if (planned.parameter < 0) return need;
  if (planned.statistics_sum >= 0) {
    const int64_t places = out.height * out.width;
    need.partials = 2 * PartialsOf(slices, most_rows, places, out.channels);
    need.totals = 2 * slices * out.channels;
    return need;
  }
  need.input = planned.resolved.input.size();
  need.output = out.size();
  if (planned.update.bias > 0) {
    const int64_t columns = planned.update.bias;
    need.partials = PartialsOf(slices, most_rows, out.size() / columns, columns);
  }
  return need;
}

std::unique_ptr<Layer> MakeLayer(const LayerPlace& place) {
  struct Maker {
    const LayerPlace& place;
    std::unique_ptr<Layer> operator()(const spec::Conv& conv) const {
      return conv.untied ? MakeUntiedLayer(place, conv) : MakeConvLayer(place, conv);
    }
    std::unique_ptr<Layer> operator()(const spec::Dense& dense) const {
      return MakeDenseLayer(place, dense);
    }
    std::unique_ptr<Layer> operator()(const spec::MaxPool& pool) const {
      return MakeMaxPool(place, pool);
    }
    std::unique_ptr<Layer> operator()(const spec::AvgPool& pool) const {
      return MakeAvgPool(place, pool);
    }
    std::unique_ptr<Layer> operator()(const spec::GlobalAvgPool&) const {
      return MakeGlobalAvgPool(place);
    }
    std::unique_ptr<Layer> operator()(const spec::BatchNorm& norm) const {
      return MakeNormLayer(place, norm);
    }
    std::unique_ptr<Layer> operator()(const spec::Dropout& dropout) const {
      return MakeDropout(place, dropout);
    }
    std::unique_ptr<Layer> operator()(const spec::Add& add) const { return MakeAdd(place, add); }
  };
  return std::visit(Maker{place}, place.planned.layer.op);
}

}  // namespace hebb::gpu
