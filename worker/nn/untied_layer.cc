// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/untied_layer.h"

#include <algorithm>
#include <utility>

#include "worker/nn/joint_untied_kernels.h"
#include "worker/nn/untied_geometry.h"

namespace hebb::nn {
namespace {

// Calls visit(place, internal, tap) for every connection that exists: `place` = y * out_w + x,
// `internal` the offset of the filters' numbers for tap and channel, `tap` = the offset of
// (channel, ky, kx) within one canonical filter.
template <typename Visit>
void ForEachConnection(const ConvShape& shape, const Visit& visit) {
  const UntiedGeometry geometry(shape);
  const int64_t outs = shape.output.channels, kernel = shape.kernel;
  int64_t internal = 0;
  for (int64_t y = 0; y < shape.output.height; ++y) {
    for (int64_t x = 0; x < shape.output.width; ++x) {
      const TapRange &row = geometry.row(y), &column = geometry.column(x);
      for (int64_t i = row.tap; i < row.tap + row.count; ++i) {
        for (int64_t j = column.tap; j < column.tap + column.count; ++j) {
          for (int64_t c = 0; c < shape.input.channels; ++c, internal += outs) {
            visit(y * shape.output.width + x, internal, (c * kernel + i) * kernel + j);
          }
        }
      }
    }
  }
}

}  // namespace

std::unique_ptr<Layer> MakeUntiedLayer(const ConvShape& shape, const JointOptions& options,
                                       const LayerMatrices& matrices) {
  return MakeJointLayer(shape.input.size(), shape.output.size(),
                        JointUntiedKernels::Create(shape, options.pool->size()), options, matrices);
}

int64_t UntiedSize(const ConvShape& shape) { return UntiedGeometry(shape).connections(); }

int64_t UntiedCanonicalSize(const ConvShape& shape) {
  return shape.output.height * shape.output.width * shape.weights();
}

void UntiedToCanonical(const ConvShape& shape, const float* internal, float* canonical) {
  const int64_t filter = shape.weights() / shape.output.channels;
  std::fill_n(canonical, UntiedCanonicalSize(shape), 0.0f);
  ForEachConnection(shape, [&](int64_t place, int64_t from, int64_t tap) {
    float* to = canonical + place * shape.weights() + tap;
    for (int64_t o = 0; o < shape.output.channels; ++o) to[o * filter] = internal[from + o];
  });
}

void UntiedFromCanonical(const ConvShape& shape, const float* canonical, float* internal) {
  const int64_t filter = shape.weights() / shape.output.channels;
  ForEachConnection(shape, [&](int64_t place, int64_t to, int64_t tap) {
    const float* from = canonical + place * shape.weights() + tap;
    for (int64_t o = 0; o < shape.output.channels; ++o) internal[to + o] = from[o * filter];
  });
}

void UntiedFromConv(const ConvShape& shape, const float* filters, float* internal) {
  const int64_t filter = shape.weights() / shape.output.channels;
  ForEachConnection(shape, [&](int64_t, int64_t to, int64_t tap) {
    for (int64_t o = 0; o < shape.output.channels; ++o) {
      internal[to + o] = filters[o * filter + tap];
    }
  });
}

}  // namespace hebb::nn
