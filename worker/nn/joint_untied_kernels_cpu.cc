// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_untied_kernels.h"

#include <algorithm>
#include <vector>

#include "common/check.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/cpu_features.h"
#include "worker/nn/joint_untied_tiles.h"
#include "worker/nn/untied_geometry.h"

namespace hebb::nn {
namespace {

// Places whose signals are copied together: long enough pieces of a row of d to come at full speed,
// few enough for the second cache.
constexpr int64_t kMostPlaces = 8;
// Units of work for each thread, so that they finish together.
constexpr int64_t kUnitsPerThread = 8;
// Floats in a cache line.
constexpr int64_t kLine = 16;

// Floats from which on G is written past the caches: they would lose most of it before it is read,
// and would have to read each line before it is written.
constexpr int64_t kStreamed = int64_t{1} << 20;

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Floats from row to row of a copy that spreads the rows over all sets of a cache, and may be read
// a register beyond its end.
int64_t SpreadStride(int64_t floats) { return (DivideUp(floats, kLine) / 2 * 2 + 3) * kLine; }

struct Range {
  int64_t begin = 0, end = 0;
};

Range Part(int64_t size, int64_t parts, int64_t part) {
  return {size * part / parts, size * (part + 1) / parts};
}

class CpuJointUntiedKernels : public JointUntiedKernels {
 public:
  CpuJointUntiedKernels(const ConvShape& shape, int threads, const JointUntiedTiles& tiles)
      : geometry_(shape), tiles_(tiles), scratch_(threads) {
    place_.outs = shape.output.channels;
    place_.band_stride = shape.input.width * shape.input.channels;
    place_.h_stride = shape.output.size();
    for (Scratch& scratch : scratch_) scratch.tile = device::FloatBuffer(kTileScratch);
  }

  void PrepareRows(int64_t most_rows) override {
    const int64_t in = geometry_.shape().input.size();
    Grow(std::max(in * Lanes(most_rows), most_rows * SpreadStride(in)), x_);
    for (Scratch& scratch : scratch_) {
      Grow(kMostPlaces * SignalSize(most_rows), scratch.signals);
      Grow(MostGroup() * most_rows * SpreadStride(place_.band_stride), scratch.delta);
    }
  }

  void Forward(int64_t rows, const float* x, const float* w, const float* bias, float* h,
               device::ComputePool& pool) override {
    if (rows == 0) return;
    TurnInput(rows, x, pool);
    JointUntiedPlace some = place_;
    some.rows = rows;
    some.x_stride = Lanes(rows);
    ForEachPiece(pool, [&](Range places, Scratch&) {
      ForEachPlace(places, some,
                   [&](const JointUntiedPlace& place, int64_t p, int64_t input, int64_t matrix) {
                     const int64_t out = p * place.outs;
                     tiles_.forward(place, x_.data() + input * place.x_stride, w + matrix,
                                    bias == nullptr ? nullptr : bias + out, h + out);
                   });
    });
  }

  void BackwardData(int64_t rows, const float* d, const float* b, float* delta,
                    device::ComputePool& pool) override {
    if (rows == 0) return;
    const spec::Shape& input = geometry_.shape().input;
    const int64_t group = std::clamp<int64_t>(input.height / (4 * pool.size()), 1, MostGroup());
    const int64_t bands = DivideUp(input.height, group);
    const int64_t wanted = DivideUp(kUnitsPerThread * pool.size(), bands);
    const int64_t columns = group > 1 ? 1 : std::min(wanted, input.width);
    pool.ParallelFor(static_cast<int>(bands * columns), [&](int unit, int thread) {
      Region region;
      region.rows = rows;
      region.y = Part(input.height, bands, unit / columns);
      region.x = Part(input.width, columns, unit % columns);
      region.stride = SpreadStride((region.x.end - region.x.begin) * input.channels);
      BackwardRegion(region, d, b, delta, scratch_[thread]);
    });
  }

  void BackwardWeights(const JointRows& rows, const float* x, const float* d,
                       const slices::Fold& fold, std::span<float* const> nodes,
                       device::ComputePool& pool) override {
    const JointUntiedFold steps = Steps(rows, fold, nodes);
    CopyInput(rows.rows, x, pool);
    JointUntiedPlace some = place_;
    some.rows = rows.rows;
    some.x_stride = SpreadStride(geometry_.shape().input.size());
    ForEachPiece(pool, [&](Range places, Scratch& scratch) {
      CopySignals(rows.rows, places, d, scratch);
      ForEachPlace(places, some,
                   [&](const JointUntiedPlace& place, int64_t p, int64_t input, int64_t matrix) {
                     tiles_.update(place, x_.data() + input,
                                   SignalsOf(scratch, place.rows, p - places.begin), steps, matrix,
                                   scratch.tile.data());
                   });
    });
  }

 private:
  // Of one thread.
  struct Scratch {
    device::FloatBuffer signals;  // [place][block][row][kSignalStride]
    device::FloatBuffer delta;    // [y][row][x][channel]
    device::FloatBuffer tile;
  };

  // A part of the image for one thread: what all places add to it, in their order.
  struct Region {
    int64_t rows = 0;
    Range y, x;
    int64_t stride = 0;  // floats from row to row in Scratch::delta
  };

  static void Grow(int64_t size, device::FloatBuffer& buffer) {
    if (buffer.size() < size) buffer = device::FloatBuffer(size);
  }

  int64_t Lanes(int64_t rows) const { return DivideUp(rows, kLine) * kLine; }

  // More rows of pixels at a time would be seen by few more of the places.
  int64_t MostGroup() const { return std::min(geometry_.shape().kernel, int64_t{8}); }

  // Of one place.
  int64_t SignalSize(int64_t rows) const {
    return DivideUp(place_.outs, kSignalBlock) * rows * kSignalStride;
  }

  const float* SignalsOf(const Scratch& scratch, int64_t rows, int64_t place) const {
    return scratch.signals.data() + place * SignalSize(rows);
  }

  // x_ = [input][row]
  void TurnInput(int64_t rows, const float* x, device::ComputePool& pool) {
    const int64_t in = geometry_.shape().input.size(), lanes = Lanes(rows);
    const int64_t parts = pool.size();
    pool.ParallelFor(static_cast<int>(parts), [&](int part, int) {
      const Range inputs = Part(in, parts, part);
      for (int64_t row = 0; row < rows; row += tiles_.width) {
        tiles_.turn(x + row * in + inputs.begin, in, std::min(rows - row, tiles_.width),
                    inputs.end - inputs.begin, x_.data() + inputs.begin * lanes + row, lanes);
      }
    });
  }

  // x_ = x with rows spread.
  void CopyInput(int64_t rows, const float* x, device::ComputePool& pool) {
    const int64_t in = geometry_.shape().input.size(), stride = SpreadStride(in);
    pool.ParallelFor(pool.size(), [&](int part, int) {
      const Range some = Part(rows, pool.size(), part);
      for (int64_t row = some.begin; row < some.end; ++row) {
        std::copy_n(x + row * in, in, x_.data() + row * stride);
      }
    });
  }

  void CopySignals(int64_t rows, Range places, const float* d, Scratch& scratch) const {
    JointUntiedPlace place = place_;
    place.rows = rows;
    tiles_.gather(place, places.end - places.begin, d + places.begin * place.outs,
                  scratch.signals.data());
  }

  // Calls visit(places, scratch of the thread) on the pool for all places, a few at a time.
  template <typename Visit>
  void ForEachPiece(device::ComputePool& pool, const Visit& visit) {
    const spec::Shape& output = geometry_.shape().output;
    const int64_t places = output.height * output.width;
    const int64_t pieces =
        std::clamp(kUnitsPerThread * pool.size(), DivideUp(places, kMostPlaces), places);
    pool.ParallelFor(static_cast<int>(pieces), [&](int piece, int thread) {
      visit(Part(places, pieces, piece), scratch_[thread]);
    });
  }

  // Calls visit(place, its number, the first input that it sees, where its matrix begins).
  template <typename Visit>
  void ForEachPlace(Range places, JointUntiedPlace place, const Visit& visit) const {
    const ConvShape& shape = geometry_.shape();
    for (int64_t p = places.begin; p < places.end; ++p) {
      const int64_t y = p / shape.output.width, x = p % shape.output.width;
      const TapRange &row = geometry_.row(y), &column = geometry_.column(x);
      place.bands = row.count;
      place.band = column.count * shape.input.channels;
      visit(place, p, (row.pixel * shape.input.width + column.pixel) * shape.input.channels,
            geometry_.Offset(y, x));
    }
  }

  void BackwardRegion(const Region& region, const float* d, const float* b, float* delta,
                      Scratch& scratch) {
    const spec::Shape &input = geometry_.shape().input, &output = geometry_.shape().output;
    const int64_t height = region.y.end - region.y.begin;
    std::fill_n(scratch.delta.data(), height * region.rows * region.stride, 0.0f);
    for (int64_t y = 0; y < output.height; ++y) {
      const TapRange& row = geometry_.row(y);
      if (row.pixel >= region.y.end || row.pixel + row.count <= region.y.begin) continue;
      for (Range some = {0, 0}; some.begin < output.width; some.begin = some.end) {
        some.end = std::min(some.begin + kMostPlaces, output.width);
        BackwardPlaces(region, y, some, d, b, scratch);
      }
    }
    const int64_t floats = (region.x.end - region.x.begin) * input.channels;
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t r = 0; r < region.rows; ++r) {
        std::copy_n(scratch.delta.data() + (y * region.rows + r) * region.stride, floats,
                    delta + r * input.size() +
                        ((region.y.begin + y) * input.width + region.x.begin) * input.channels);
      }
    }
  }

  // Those of `columns`, in row y of places, of which the region sees something.
  void BackwardPlaces(const Region& region, int64_t y, Range columns, const float* d,
                      const float* b, Scratch& scratch) {
    const auto sees = [&](int64_t x) {
      const TapRange& column = geometry_.column(x);
      return column.pixel < region.x.end && column.pixel + column.count > region.x.begin;
    };
    while (columns.begin < columns.end && !sees(columns.begin)) ++columns.begin;
    while (columns.begin < columns.end && !sees(columns.end - 1)) --columns.end;
    if (columns.begin == columns.end) return;
    const int64_t first = y * geometry_.shape().output.width;
    CopySignals(region.rows, {first + columns.begin, first + columns.end}, d, scratch);
    for (int64_t x = columns.begin; x < columns.end; ++x) {
      if (!sees(x)) continue;
      BackwardPlace(region, y, x, b + geometry_.Offset(y, x),
                    SignalsOf(scratch, region.rows, x - columns.begin), scratch);
    }
  }

  void BackwardPlace(const Region& region, int64_t y, int64_t x, const float* b,
                     const float* signals, Scratch& scratch) {
    const int64_t channels = geometry_.shape().input.channels;
    const TapRange &row = geometry_.row(y), &column = geometry_.column(x);
    JointUntiedPlace place = place_;
    place.rows = region.rows;
    JointUntiedStrips strips;
    strips.delta_stride = region.stride;
    strips.ahead = row.count * column.count * channels * place.outs;
    const auto work = [&] {
      tiles_.backward(place, strips, signals, scratch.tile.data());
      strips.count = 0;
    };
    const Range rows = {std::max(row.pixel, region.y.begin),
                        std::min(row.pixel + row.count, region.y.end)};
    const Range inputs = {std::max(column.pixel, region.x.begin) * channels,
                          std::min(column.pixel + column.count, region.x.end) * channels};
    for (int64_t v = rows.begin; v < rows.end; ++v) {
      const float* from =
          b + ((v - row.pixel) * column.count - column.pixel) * channels * place.outs;
      float* to = scratch.delta.data() + (v - region.y.begin) * region.rows * region.stride -
                  region.x.begin * channels;
      for (int64_t i = inputs.begin; i < inputs.end; i += tiles_.width) {
        strips.strips[strips.count++] = {from + i * place.outs, to + i,
                                         std::min(tiles_.width, inputs.end - i)};
        if (strips.count == 2) work();
      }
    }
    if (strips.count > 0) work();
  }

  JointUntiedFold Steps(const JointRows& rows, const slices::Fold& fold,
                        std::span<float* const> nodes) {
    HEBB_CHECK(fold.depth() <= kMostDepth);
    HEBB_CHECK(fold.roots() == static_cast<int>(nodes.size()));
    HEBB_CHECK(fold.inputs() + 1 == static_cast<int>(rows.offsets.size()));
    parts_.resize(fold.inputs());
    for (int i = 0; i < fold.inputs(); ++i) {
      parts_[i] = {rows.offsets[i], rows.offsets[i + 1], fold.merges(i), fold.root(i)};
    }
    return {parts_.data(), fold.inputs(), nodes.data(), Streams(nodes)};
  }

  bool Streams(std::span<float* const> nodes) const {
    const auto aligned = [](const float* node) {
      return reinterpret_cast<uintptr_t>(node) % (kLine * sizeof(float)) == 0;
    };
    return geometry_.connections() >= kStreamed && place_.outs % kLine == 0 &&
           std::all_of(nodes.begin(), nodes.end(), aligned);
  }

  const UntiedGeometry geometry_;
  const JointUntiedTiles& tiles_;
  JointUntiedPlace place_;        // what all places have in common
  device::FloatBuffer x_;         // as the product at hand wants it
  std::vector<Scratch> scratch_;  // by thread
  std::vector<JointUntiedPart> parts_;
};

const JointUntiedTiles& BestTiles() {
#if defined(__x86_64__)
  if (device::CpuHasAvx512()) return kJointUntiedTilesAvx512;
  if (device::CpuHasAvx2()) return kJointUntiedTilesAvx2;
#endif
  return kJointUntiedTilesBase;
}

}  // namespace

std::unique_ptr<JointUntiedKernels> JointUntiedKernels::Create(const ConvShape& shape,
                                                               int threads) {
  return Create(shape, threads, BestTiles());
}

std::unique_ptr<JointUntiedKernels> JointUntiedKernels::Create(const ConvShape& shape, int threads,
                                                               const JointUntiedTiles& tiles) {
  return std::make_unique<CpuJointUntiedKernels>(shape, threads, tiles);
}

}  // namespace hebb::nn
