// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "worker/device/aligned_buffer.h"
#include "worker/device/simd.h"
#include "worker/nn/untied_geometry.h"
#include "worker/nn/untied_kernels.h"
#include "worker/nn/untied_tiles.h"

namespace hebb::nn {
namespace {

HEBB_SIMD void Relu(int64_t size, const float* from, float* to) {
  for (int64_t i = 0; i < size; ++i) to[i] = from[i] < 0.0f ? 0.0f : from[i];
}

// Units that a transposition takes at a time, row by row: a row's next units are close, the next
// row's are not, and often where the cache has no room for both.
constexpr int64_t kUnits = 16;

// to[unit][lane] = from[row][unit], where a row has `stride` units; lanes beyond the rows are 0.
void RowsToLanes(int64_t rows, int64_t lanes, int64_t units, int64_t stride, const float* from,
                 float* to) {
  for (int64_t begin = 0; begin < units; begin += kUnits) {
    const int64_t end = std::min(begin + kUnits, units);
    for (int64_t r = 0; r < lanes; ++r) {
      for (int64_t u = begin; u < end; ++u) {
        to[u * lanes + r] = r < rows ? from[r * stride + u] : 0.0f;
      }
    }
  }
}

void LanesToRows(int64_t rows, int64_t lanes, int64_t units, int64_t stride, const float* from,
                 float* to) {
  for (int64_t begin = 0; begin < units; begin += kUnits) {
    const int64_t end = std::min(begin + kUnits, units);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t u = begin; u < end; ++u) to[r * stride + u] = from[u * lanes + r];
    }
  }
}

class CpuUntiedKernels : public UntiedKernels {
 public:
  CpuUntiedKernels(const ConvShape& shape, const UntiedTiles& tiles)
      : geometry_(shape), tiles_(tiles) {}

  void PrepareRows(int64_t rows) override {
    const int64_t in = geometry_.shape().input.size(), out = geometry_.shape().output.size();
    const int64_t lanes = UntiedLanes(std::min(rows, kUntiedMostLanes));
    Grow(rows * in, relu_);
    Grow(lanes * out / geometry_.shape().output.height, d_);
    Grow(lanes * in, delta_);
  }

  void Forward(int64_t rows, const float* x, const float* w, const float* bias, float* h) override {
    ForEachPlace(rows, [&](const UntiedPlace& place, int64_t pixel, int64_t matrix, int64_t out) {
      tiles_.forward(place, x + pixel, w + matrix, bias == nullptr ? nullptr : bias + out, h + out);
    });
  }

  void BackwardData(int64_t rows, const float* d, const float* b, float* delta) override {
    const int64_t in = geometry_.shape().input.size(), out = geometry_.shape().output.size();
    for (int64_t row = 0; row < rows; row += kUntiedMostLanes) {
      const int64_t some = std::min(rows - row, kUntiedMostLanes);
      BackwardLanes(some, d + row * out, b, delta + row * in);
    }
  }

  void BackwardWeights(int64_t rows, const float* x, const float* d, float* g) override {
    ForEachPlace(rows, [&](const UntiedPlace& place, int64_t pixel, int64_t matrix, int64_t out) {
      tiles_.update(place, x + pixel, d + out, g + matrix);
    });
  }

  void BackwardWeightsRelu(int64_t rows, const float* x, const float* d, float* g) override {
    Relu(rows * geometry_.shape().input.size(), x, relu_.data());
    BackwardWeights(rows, relu_.data(), d, g);
  }

 private:
  static void Grow(int64_t size, device::FloatBuffer& buffer) {
    if (buffer.size() < size) buffer = device::FloatBuffer(size);
  }

  UntiedPlace Places(int64_t rows) const {
    const ConvShape& shape = geometry_.shape();
    UntiedPlace place;
    place.rows = rows;
    place.outs = shape.output.channels;
    place.band_stride = shape.input.width * shape.input.channels;
    place.x_stride = shape.input.size();
    place.h_stride = shape.output.size();
    return place;
  }

  // Calls visit(place, where in x what it sees begins, where its matrix, where its outputs) for
  // the places of row i.
  template <typename Visit>
  void ForEachPlaceOfRow(int64_t i, UntiedPlace place, const Visit& visit) const {
    const ConvShape& shape = geometry_.shape();
    const int64_t channels = shape.input.channels;
    const TapRange& row = geometry_.row(i);
    for (int64_t j = 0; j < shape.output.width; ++j) {
      const TapRange& column = geometry_.column(j);
      place.bands = row.count;
      place.band = column.count * channels;
      visit(place, (row.pixel * shape.input.width + column.pixel) * channels,
            geometry_.Offset(i, j), (i * shape.output.width + j) * place.outs);
    }
  }

  template <typename Visit>
  void ForEachPlace(int64_t rows, const Visit& visit) const {
    const UntiedPlace place = Places(rows);
    for (int64_t i = 0; i < geometry_.shape().output.height; ++i) {
      ForEachPlaceOfRow(i, place, visit);
    }
  }

  // Up to kUntiedMostLanes rows, by row of places; a row of pixels is opened (set to 0) before the
  // first place that sees it and closed (written to delta) after the last, so that all of them are
  // in the cache meanwhile.
  void BackwardLanes(int64_t rows, const float* d, const float* b, float* delta) {
    const ConvShape& shape = geometry_.shape();
    const int64_t lanes = UntiedLanes(rows), height = shape.input.height;
    const int64_t d_row = shape.output.width * shape.output.channels;
    const int64_t pixels = shape.input.width * shape.input.channels;
    const UntiedPlace places = Places(rows);
    int64_t opened = 0, closed = 0;
    for (int64_t i = 0; i < shape.output.height; ++i) {
      const TapRange& row = geometry_.row(i);
      const int64_t next = i + 1 < shape.output.height ? geometry_.row(i + 1).pixel : height;
      const int64_t open = std::max({row.pixel + row.count, next, opened});
      std::fill(delta_.data() + opened * pixels * lanes, delta_.data() + open * pixels * lanes,
                0.0f);
      opened = open;
      RowsToLanes(rows, lanes, d_row, shape.output.size(), d + i * d_row, d_.data());
      ForEachPlaceOfRow(
          i, places, [&](const UntiedPlace& place, int64_t pixel, int64_t matrix, int64_t out) {
            tiles_.backward(place, lanes, b + matrix, d_.data() + (out - i * d_row) * lanes,
                            delta_.data() + pixel * lanes);
          });
      LanesToRows(rows, lanes, (next - closed) * pixels, shape.input.size(),
                  delta_.data() + closed * pixels * lanes, delta + closed * pixels);
      closed = next;
    }
  }

  const UntiedGeometry geometry_;
  const UntiedTiles& tiles_;
  device::FloatBuffer relu_;   // of x
  device::FloatBuffer d_;      // of up to 16 rows, one row of places: [place][filter][lane]
  device::FloatBuffer delta_;  // of the same, [y][x][channel][lane]
};

const UntiedTiles& BestTiles() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return kUntiedTilesAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2")) {
    return kUntiedTilesAvx2;
  }
#endif
  return kUntiedTilesBase;
}

}  // namespace

std::unique_ptr<UntiedKernels> UntiedKernels::Create(const ConvShape& shape) {
  return Create(shape, BestTiles());
}

std::unique_ptr<UntiedKernels> UntiedKernels::Create(const ConvShape& shape,
                                                     const UntiedTiles& tiles) {
  return std::make_unique<CpuUntiedKernels>(shape, tiles);
}

}  // namespace hebb::nn
