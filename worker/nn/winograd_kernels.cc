// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/winograd_kernels.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"
#include "worker/device/cpu_features.h"
#include "worker/device/simd.h"
#include "worker/nn/winograd_tiles.h"

namespace hebb::nn {
namespace {

constexpr int64_t kTaps = 9;
constexpr int64_t kTile = 2;   // pixels of a field, each way
constexpr int64_t kPatch = 4;  // pixels of an input that a tile sees, each way
// So many tiles are transformed and multiplied at a time: their transformed inputs and products
// stay in the core's cache.
constexpr int64_t kBlockTiles = 24;
// Between the places of a transformed block, so that they do not all fall on one set of the cache.
constexpr int64_t kPlaceGap = 16;

#if defined(__x86_64__)
const WinogradTiles* BestTiles() {
  return device::CpuHasAvx512() ? &kWinogradTilesAvx512
         : device::CpuHasAvx2() ? &kWinogradTilesAvx2
                                : nullptr;
}
#else
const WinogradTiles* BestTiles() { return nullptr; }
#endif

// to[place][input][output] = G w G^T of taps[output * output_step + input * input_step + tap],
// turned by half a circle on the way down.
struct TapsOrder {
  int64_t outputs = 0, inputs = 0;
  int64_t output_step = 0, input_step = 0;
  bool turned = false;
};

HEBB_SIMD void TransformTaps(const TapsOrder& order, const float* taps, float* to) {
  const int64_t place = order.inputs * order.outputs;
  for (int64_t i = 0; i < order.inputs; ++i) {
    for (int64_t o = 0; o < order.outputs; ++o) {
      const float* from = taps + o * order.output_step + i * order.input_step;
      float rows[4][3];  // G w
      for (int x = 0; x < 3; ++x) {
        const auto tap = [&](int y) { return from[order.turned ? 8 - (3 * y + x) : 3 * y + x]; };
        const float ends = tap(0) + tap(2);
        rows[0][x] = tap(0);
        rows[1][x] = 0.5f * (ends + tap(1));
        rows[2][x] = 0.5f * (ends - tap(1));
        rows[3][x] = tap(2);
      }
      float* out = to + i * order.outputs + o;
      for (int y = 0; y < 4; ++y) {
        const float ends = rows[y][0] + rows[y][2];
        out[(4 * y + 0) * place] = rows[y][0];
        out[(4 * y + 1) * place] = 0.5f * (ends + rows[y][1]);
        out[(4 * y + 2) * place] = 0.5f * (ends - rows[y][1]);
        out[(4 * y + 3) * place] = rows[y][2];
      }
    }
  }
}

// g[output][input][tap] = G^T u G of sums[place][input][output].
HEBB_SIMD void TransformUpdate(int64_t outputs, int64_t inputs, const float* sums, float* g) {
  const int64_t place = inputs * outputs;
  float taps[kTaps][kWinogradChannels];
  for (int64_t i = 0; i < inputs; ++i) {
    for (int64_t first = 0; first < outputs; first += kWinogradChannels) {
      const float* from = sums + i * outputs + first;
      for (int64_t lane = 0; lane < kWinogradChannels; ++lane) {
        const auto at = [&](int y, int x) { return from[(4 * y + x) * place + lane]; };
        float rows[3][4];  // G^T u
        for (int x = 0; x < 4; ++x) {
          const float sum = 0.5f * (at(1, x) + at(2, x));
          rows[0][x] = at(0, x) + sum;
          rows[1][x] = 0.5f * (at(1, x) - at(2, x));
          rows[2][x] = sum + at(3, x);
        }
        for (int y = 0; y < 3; ++y) {
          const float sum = 0.5f * (rows[y][1] + rows[y][2]);
          taps[3 * y][lane] = rows[y][0] + sum;
          taps[3 * y + 1][lane] = 0.5f * (rows[y][1] - rows[y][2]);
          taps[3 * y + 2][lane] = sum + rows[y][3];
        }
      }
      for (int64_t lane = 0; lane < kWinogradChannels; ++lane) {
        float* to = g + ((first + lane) * inputs + i) * kTaps;
        for (int64_t tap = 0; tap < kTaps; ++tap) to[tap] = taps[tap][lane];
      }
    }
  }
}

// The images of some rows, and how tiles lie over them: tile (y, x) begins at pixel
// (kTile y - pad, kTile x - pad).
struct Field {
  spec::Shape shape;
  int64_t pad = 0;
  int64_t size = 0;  // pixels of a tile's piece, each way

  int64_t line() const { return shape.width * shape.channels; }
  int64_t patch() const { return size * size * shape.channels; }  // floats
};

struct Tiling {
  explicit Tiling(const spec::Shape& output)
      : lines((output.height + kTile - 1) / kTile), columns((output.width + kTile - 1) / kTile) {}
  int64_t lines, columns;
};

// Where the pieces of a block of tiles are: in the images, or, if they reach over the edge, in
// patches beside.
class Pieces {
 public:
  // `patches`: room for kBlockTiles of them.
  Pieces(const Field& field, const Tiling& tiling, float* patches)
      : field_(field), tiling_(tiling), patches_(patches) {}

  // `images` is written only by Return.
  void Locate(float* images, int64_t first, int64_t count) {
    const spec::Shape& shape = field_.shape;
    int64_t column = first % tiling_.columns;
    int64_t line = first / tiling_.columns % tiling_.lines;
    float* image = images + first / (tiling_.columns * tiling_.lines) * shape.size();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t y = line * kTile - field_.pad, x = column * kTile - field_.pad;
      pieces_[i] = {
          image, y, x,
          y >= 0 && x >= 0 && y + field_.size <= shape.height && x + field_.size <= shape.width};
      places_[i] =
          pieces_[i].whole
              ? WinogradPatch{image + (y * shape.width + x) * shape.channels, field_.line()}
              : WinogradPatch{patches_ + i * field_.patch(), field_.size * shape.channels};
      if (++column < tiling_.columns) continue;
      column = 0;
      if (++line < tiling_.lines) continue;
      line = 0;
      image += shape.size();
    }
    count_ = count;
  }

  // Fills the patches: zeros beyond the edge.
  void Fetch() {
    ForEachInside([](float* image, float* patch, size_t bytes) { memcpy(patch, image, bytes); },
                  /*clear=*/true);
  }

  // Copies what of the patches lies inside back to the images.
  void Return() {
    ForEachInside([](float* image, float* patch, size_t bytes) { memcpy(image, patch, bytes); },
                  /*clear=*/false);
  }

  const WinogradPatch* places() const { return places_; }

 private:
  struct Piece {
    float* image;
    int64_t y, x;
    bool whole;
  };

  template <typename Copy>
  void ForEachInside(const Copy& copy, bool clear) {
    const spec::Shape& shape = field_.shape;
    for (int64_t i = 0; i < count_; ++i) {
      const Piece& piece = pieces_[i];
      if (piece.whole) continue;
      float* patch = places_[i].pixels;
      if (clear) std::fill_n(patch, field_.patch(), 0.0f);
      const int64_t left = std::max<int64_t>(0, -piece.x);
      const int64_t right = std::min(field_.size, shape.width - piece.x);
      if (left >= right) continue;
      for (int64_t y = 0; y < field_.size; ++y) {
        if (piece.y + y < 0 || piece.y + y >= shape.height) continue;
        copy(piece.image + ((piece.y + y) * shape.width + piece.x + left) * shape.channels,
             patch + y * places_[i].line + left * shape.channels,
             static_cast<size_t>((right - left) * shape.channels) * sizeof(float));
      }
    }
  }

  const Field field_;
  const Tiling tiling_;
  float* const patches_;
  int64_t count_ = 0;
  Piece pieces_[kBlockTiles];
  WinogradPatch places_[kBlockTiles];
};

WinogradBlock BlockOf(int64_t tiles, int64_t channels) {
  return {tiles, channels, kBlockTiles * channels + kPlaceGap};
}

int64_t BlockFloats(int64_t channels) {
  return kWinogradPlaces * BlockOf(kBlockTiles, channels).place;
}

class WinogradKernels : public ConvKernels {
 public:
  WinogradKernels(const ConvShape& shape, device::FloatBuffer* scratch, const WinogradTiles& tiles)
      : shape_(shape), tiles_(tiles), scratch_(scratch) {}

  int64_t packed_forward_size() const override { return PackedSize(); }
  int64_t packed_feedback_size() const override { return PackedSize(); }

  absl::Status PackForward(const float* weights, float* packed) override {
    const int64_t in = shape_.input.channels, out = shape_.output.channels;
    TransformTaps({out, in, in * kTaps, kTaps, false}, weights, packed);
    return absl::OkStatus();
  }

  absl::Status PackFeedback(const float* feedback, float* packed) override {
    const int64_t in = shape_.input.channels, out = shape_.output.channels;
    TransformTaps({in, out, kTaps, in * kTaps, true}, feedback, packed);
    return absl::OkStatus();
  }

  absl::Status PrepareForward(int64_t) override {
    Reserve(Blocks() + Patches());
    return absl::OkStatus();
  }

  absl::Status PrepareRows(int64_t) override {
    Reserve(Blocks() + Patches() + PackedSize());
    return absl::OkStatus();
  }

  absl::Status Forward(int64_t rows, const float* x, const float* packed, float* h) override {
    Convolve(rows, {shape_.input, shape_.pad_before, kPatch}, x, packed, {shape_.output, 0, kTile},
             h);
    return absl::OkStatus();
  }

  absl::Status BackwardData(int64_t rows, const float* d, const float* packed,
                            float* delta) override {
    Convolve(rows, {shape_.output, kTaps / 3 - 1 - shape_.pad_before, kPatch}, d, packed,
             {shape_.input, 0, kTile}, delta);
    return absl::OkStatus();
  }

  absl::Status BackwardWeights(int64_t rows, const float* x, const float* d, float* g) override {
    const int64_t in = shape_.input.channels, out = shape_.output.channels;
    const Tiling tiling(shape_.output);
    float* v = scratch_->data();
    float* errors = v + BlockFloats(in);
    float* patches = errors + BlockFloats(out);
    float* sums = patches + Patches();
    Pieces inputs({shape_.input, shape_.pad_before, kPatch}, tiling, patches);
    Pieces signals({shape_.output, 0, kTile}, tiling, patches + Patches() / 2);
    std::fill_n(sums, PackedSize(), 0.0f);
    const int64_t tiles = rows * tiling.lines * tiling.columns;
    for (int64_t first = 0; first < tiles; first += kBlockTiles) {
      const int64_t count = std::min(kBlockTiles, tiles - first);
      Read(inputs, x, first, count, BlockOf(count, in), tiles_.transform_input, v);
      Read(signals, d, first, count, BlockOf(count, out), tiles_.transform_errors, errors);
      tiles_.accumulate(v, BlockOf(count, in), errors, BlockOf(count, out), sums);
    }
    TransformUpdate(out, in, sums, g);
    return absl::OkStatus();
  }

 private:
  int64_t PackedSize() const {
    return kWinogradPlaces * shape_.input.channels * shape_.output.channels;
  }
  int64_t Blocks() const {
    return BlockFloats(shape_.input.channels) + BlockFloats(shape_.output.channels);
  }
  // Patches of both fields, of 4 by 4 pixels at most.
  int64_t Patches() const {
    return 2 * kBlockTiles * kPatch * kPatch *
           std::max(shape_.input.channels, shape_.output.channels);
  }
  void Reserve(int64_t floats) {
    if (scratch_->size() < floats) *scratch_ = device::FloatBuffer(floats);
  }

  using Transform = void (*)(const WinogradPatch*, const WinogradBlock&, float*);
  static void Read(Pieces& pieces, const float* images, int64_t first, int64_t count,
                   const WinogradBlock& block, Transform transform, float* to) {
    pieces.Locate(const_cast<float*>(images), first, count);
    pieces.Fetch();
    transform(pieces.places(), block, to);
  }

  // to = the taps in `packed` over `from`.
  void Convolve(int64_t rows, const Field& from, const float* x, const float* packed,
                const Field& to, float* h) {
    const Tiling tiling(to.shape);
    const int64_t in = from.shape.channels, out = to.shape.channels;
    float* v = scratch_->data();
    float* m = v + BlockFloats(in);
    float* patches = m + BlockFloats(out);
    Pieces inputs(from, tiling, patches);
    Pieces outputs(to, tiling, patches + Patches() / 2);
    const int64_t tiles = rows * tiling.lines * tiling.columns;
    for (int64_t first = 0; first < tiles; first += kBlockTiles) {
      const int64_t count = std::min(kBlockTiles, tiles - first);
      const WinogradBlock block = BlockOf(count, out);
      Read(inputs, x, first, count, BlockOf(count, in), tiles_.transform_input, v);
      tiles_.multiply(v, BlockOf(count, in), packed, m, block);
      outputs.Locate(h, first, count);
      tiles_.transform_output(m, block, outputs.places());
      outputs.Return();
    }
  }

  const ConvShape shape_;
  const WinogradTiles& tiles_;
  device::FloatBuffer* const scratch_;
};

}  // namespace

bool HasWinogradKernels() { return BestTiles() != nullptr; }

bool HasWinogradKernels(const ConvShape& shape) {
  return HasWinogradKernels() && shape.kernel * shape.kernel == kTaps && shape.stride == 1 &&
         shape.input.channels % kWinogradChannels == 0 &&
         shape.output.channels % kWinogradChannels == 0;
}

std::unique_ptr<ConvKernels> MakeWinogradKernels(const ConvShape& shape,
                                                 device::FloatBuffer* scratch) {
  HEBB_CHECK(HasWinogradKernels());
  return MakeWinogradKernels(shape, scratch, *BestTiles());
}

std::unique_ptr<ConvKernels> MakeWinogradKernels(const ConvShape& shape,
                                                 device::FloatBuffer* scratch,
                                                 const WinogradTiles& tiles) {
  HEBB_CHECK(HasWinogradKernels(shape));
  return std::make_unique<WinogradKernels>(shape, scratch, tiles);
}

}  // namespace hebb::nn
