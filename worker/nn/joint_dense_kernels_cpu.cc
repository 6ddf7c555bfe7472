// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/joint_dense_kernels.h"

#include <algorithm>

#include "common/check.h"
#include "worker/device/cpu_features.h"
#include "worker/nn/joint_dense_tiles.h"

namespace hebb::nn {
namespace {

constexpr int64_t kPanelFloats = 128 << 10;  // of a block of panels: half of a second cache
constexpr int64_t kMostDepth = 512;          // a tile's broadcast factor fits half a first cache
constexpr int64_t kMostUnits = 64;           // of a job of forward
constexpr int64_t kChunk = 256;              // inputs that are transposed at a time
constexpr int kMostStack = 32;               // depth of the fold of any tree over int slices
constexpr int64_t kJobsPerThread = 4;
constexpr int64_t kParallelWork = 2 << 20;  // some 50 us, what it takes to wake threads
constexpr int64_t kMoveWork = 16;           // what transposing a float costs

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t RoundUp(int64_t a, int64_t b) { return CeilDiv(a, b) * b; }

// Calls body(begin, end, thread) for [0, size) in blocks, in parallel if `work`, of all in
// multiplications, is worth waking the threads.
template <typename Body>
void ParallelBlocks(int64_t size, int64_t block, int64_t work, device::ComputePool& pool,
                    const Body& body) {
  const auto do_block = [&](int i, int thread) {
    body(i * block, std::min((i + 1) * block, size), thread);
  };
  const int blocks = static_cast<int>(CeilDiv(size, block));
  if (work >= kParallelWork) return pool.ParallelFor(blocks, do_block);
  for (int i = 0; i < blocks; ++i) do_block(i, /*thread=*/0);
}

const DenseTiles& BestTiles() {
#if defined(__x86_64__)
  if (device::CpuHasAvx512()) return kDenseTilesAvx512;
  if (device::CpuHasAvx2()) return kDenseTilesAvx2;
#endif
  return kDenseTilesBase;
}

}  // namespace

// Lanes [begin, begin + lanes) of which the first `valid` exist.
struct JointDenseKernels::Panel {
  int64_t begin = 0;
  int64_t lanes = 0;
  int64_t valid = 0;
};

struct JointDenseKernels::Scratch {
  device::FloatBuffer panels;  // a block of them
  device::FloatBuffer sums;    // forward: [unit][row]
  device::FloatBuffer stack = device::FloatBuffer(kMostStack * kDenseTileFloats);
  device::FloatBuffer edge = device::FloatBuffer(kDenseTileFloats);

  // The tile, also where the panel goes beyond the matrix.
  void Multiply(const DenseTiles& tiles, int64_t rows, const Panel& panel, DenseTile tile) {
    if (panel.valid == panel.lanes) return tiles.multiply(rows, panel.lanes, tile);
    float* const c = tile.c;
    const int64_t c_row = tile.c_row;
    tile.c = edge.data();
    tile.c_row = panel.lanes;
    for (int64_t i = 0; i < rows && tile.resume; ++i) {
      std::copy_n(c + i * c_row, panel.valid, tile.c + i * tile.c_row);
    }
    tiles.multiply(rows, panel.lanes, tile);
    for (int64_t i = 0; i < rows; ++i) {
      std::copy_n(tile.c + i * tile.c_row, panel.valid, c + i * c_row);
    }
  }
};

std::unique_ptr<JointDenseKernels> JointDenseKernels::Create(int64_t inputs, int64_t units,
                                                             int threads) {
  return Create(inputs, units, threads, BestTiles());
}

std::unique_ptr<JointDenseKernels> JointDenseKernels::Create(int64_t inputs, int64_t units,
                                                             int threads, const DenseTiles& tiles) {
  return std::unique_ptr<JointDenseKernels>(new JointDenseKernels(inputs, units, threads, tiles));
}

JointDenseKernels::JointDenseKernels(int64_t inputs, int64_t units, int threads,
                                     const DenseTiles& tiles)
    : inputs_(inputs), units_(units), tiles_(tiles), scratch_(threads) {}

JointDenseKernels::~JointDenseKernels() = default;

void JointDenseKernels::PrepareRows(int64_t most_rows) {
  if (most_rows <= most_rows_) return;
  most_rows_ = most_rows;
  const int64_t padded = RoundUp(most_rows, tiles_.least_lanes);
  lanes_ = device::FloatBuffer(padded * inputs_);
  const int64_t depth = std::max(most_rows, std::min(units_, kMostDepth));
  for (Scratch& scratch : scratch_) {
    scratch.panels = device::FloatBuffer(std::max(kPanelFloats, depth * tiles_.lanes));
    scratch.sums = device::FloatBuffer(kMostUnits * padded);
  }
}

int64_t JointDenseKernels::PanelLanes(int64_t left) const {
  if (left >= tiles_.lanes) return tiles_.lanes;
  const int64_t lanes = RoundUp(left, tiles_.least_lanes);
  return lanes < tiles_.width ? lanes : lanes / tiles_.width * tiles_.width;
}

template <typename Visit>
void JointDenseKernels::ForEachPanel(int64_t begin, int64_t end, const Visit& visit) const {
  while (begin < end) {
    const int64_t lanes = PanelLanes(end - begin);
    visit(Panel{begin, lanes, std::min(lanes, end - begin)});
    begin += lanes;
  }
}

// Calls visit(begin, size).
template <typename Visit>
void JointDenseKernels::ForEachTile(int64_t begin, int64_t end, const Visit& visit) const {
  for (; begin < end; begin += tiles_.rows)
    visit(begin, std::min<int64_t>(tiles_.rows, end - begin));
}

void JointDenseKernels::Forward(int64_t rows, const float* x, const float* w, const float* bias,
                                float* h, device::ComputePool& pool) {
  HEBB_CHECK(rows <= most_rows_);
  if (rows == 0) return;
  ParallelBlocks(inputs_, kChunk, kMoveWork * rows * inputs_, pool,
                 [&](int64_t begin, int64_t end, int) { TransposeInputs(rows, begin, end, x); });
  const int64_t share = RoundUp(CeilDiv(units_, kJobsPerThread * pool.size()), tiles_.rows);
  ParallelBlocks(units_, std::min(share, kMostUnits), rows * inputs_ * units_, pool,
                 [&](int64_t begin, int64_t end, int thread) {
                   ForwardUnits(rows, begin, end, w, bias, scratch_[thread], h);
                 });
}

void JointDenseKernels::TransposeInputs(int64_t rows, int64_t begin, int64_t end, const float* x) {
  ForEachPanel(0, rows, [&](const Panel& panel) {
    float* to = lanes_.data() + panel.begin * inputs_ + begin * panel.lanes;
    if (panel.valid < panel.lanes) std::fill_n(to, (end - begin) * panel.lanes, 0.0f);
    tiles_.transpose(panel.valid, end - begin, x + panel.begin * inputs_ + begin, inputs_, to,
                     panel.lanes);
  });
}

void JointDenseKernels::ForwardUnits(int64_t rows, int64_t begin, int64_t end, const float* w,
                                     const float* bias, Scratch& scratch, float* h) const {
  const int64_t padded = RoundUp(rows, tiles_.least_lanes);
  const bool one_panel = PanelLanes(rows) >= rows;
  const int64_t fitting = std::max<int64_t>(kPanelFloats / padded / 16 * 16, 64);
  const int64_t depth = one_panel ? fitting : std::min(fitting, kMostDepth);
  float* const sums = scratch.sums.data();
  for (int64_t u = begin; u < end; ++u) {
    std::fill_n(sums + (u - begin) * padded, padded, bias == nullptr ? 0.0f : bias[u]);
  }
  for (int64_t k = 0; k < inputs_; k += depth) {
    DenseTile tile;
    tile.depth = std::min(depth, inputs_ - k);
    tile.a_row = inputs_;
    tile.a_step = 1;
    tile.c_row = padded;
    tile.resume = true;
    ForEachTile(begin, end, [&](int64_t u, int64_t some) {
      tile.a = w + u * inputs_ + k;
      ForEachPanel(0, rows, [&](const Panel& panel) {
        tile.panel = lanes_.data() + panel.begin * inputs_ + k * panel.lanes;
        tile.panel_step = panel.lanes;
        tile.c = sums + (u - begin) * padded + panel.begin;
        tiles_.multiply(some, panel.lanes, tile);
      });
    });
  }
  tiles_.transpose(end - begin, rows, sums, padded, h + begin, units_);
}

int64_t JointDenseKernels::InputsOfBlock(int64_t depth) const {
  return std::max<int64_t>(kPanelFloats / depth / tiles_.lanes, 1) * tiles_.lanes;
}

void JointDenseKernels::BackwardData(int64_t rows, const float* d, const float* b, float* delta,
                                     device::ComputePool& pool) {
  HEBB_CHECK(rows <= most_rows_);
  const int64_t share = RoundUp(CeilDiv(inputs_, kJobsPerThread * pool.size()), tiles_.lanes);
  const int64_t block = std::min(share, InputsOfBlock(std::min(units_, kMostDepth)));
  ParallelBlocks(inputs_, block, rows * inputs_ * units_, pool,
                 [&](int64_t begin, int64_t end, int thread) {
                   BackwardInputs(rows, begin, end, d, b, scratch_[thread], delta);
                 });
}

void JointDenseKernels::BackwardInputs(int64_t rows, int64_t begin, int64_t end, const float* d,
                                       const float* b, Scratch& scratch, float* delta) const {
  const int64_t depth = CeilDiv(units_, CeilDiv(units_, kMostDepth));
  for (int64_t k = 0; k < units_; k += depth) {
    DenseTile tile;
    tile.depth = std::min(depth, units_ - k);
    tile.a_row = units_;
    tile.a_step = 1;
    tile.c_row = inputs_;
    tile.resume = k > 0;
    ForEachTile(0, rows, [&](int64_t row, int64_t some) {
      tile.a = d + row * units_ + k;
      ForEachPanel(begin, end, [&](const Panel& panel) {
        float* const packed = scratch.panels.data() + (panel.begin - begin) * tile.depth;
        Place(row == 0, panel, tile.depth, b + k * inputs_, packed, tile);
        tile.c = delta + row * inputs_ + panel.begin;
        scratch.Multiply(tiles_, some, panel, tile);
      });
    });
  }
}

void JointDenseKernels::BackwardWeights(const JointRows& rows, const float* x, const float* d,
                                        const slices::Fold& fold, std::span<float* const> nodes,
                                        device::ComputePool& pool) {
  HEBB_CHECK(rows.rows <= most_rows_ && fold.depth() <= kMostStack);
  HEBB_CHECK(static_cast<int>(rows.offsets.size()) == fold.inputs() + 1);
  HEBB_CHECK(static_cast<int>(nodes.size()) == fold.roots());
  const int64_t share = RoundUp(CeilDiv(inputs_, kJobsPerThread * pool.size()), tiles_.lanes);
  const int64_t block = std::min(share, InputsOfBlock(std::max<int64_t>(rows.rows, 1)));
  ParallelBlocks(inputs_, block, rows.rows * inputs_ * units_, pool,
                 [&](int64_t begin, int64_t end, int thread) {
                   UpdateInputs(rows, begin, end, x, d, fold, nodes, scratch_[thread]);
                 });
}

void JointDenseKernels::UpdateInputs(const JointRows& rows, int64_t begin, int64_t end,
                                     const float* x, const float* d, const slices::Fold& fold,
                                     std::span<float* const> nodes, Scratch& scratch) const {
  ForEachTile(0, units_, [&](int64_t u, int64_t some) {
    ForEachPanel(begin, end, [&](const Panel& panel) {
      float* top = scratch.stack.data();
      for (int slice = 0; slice < fold.inputs(); ++slice) {
        const int64_t row = rows.offsets[slice];
        DenseTile tile;
        tile.depth = rows.offsets[slice + 1] - row;
        tile.a = d + row * units_ + u;
        tile.a_row = 1;
        tile.a_step = units_;
        Place(u == 0, panel, tile.depth, x + row * inputs_,
              scratch.panels.data() + (panel.begin - begin) * rows.rows + row * panel.lanes, tile);
        tile.merges = fold.merges(slice);
        tile.merged_end = top;
        top -= tile.merges * kDenseTileFloats;
        if (fold.root(slice) >= 0) {
          tile.c = nodes[fold.root(slice)] + u * inputs_ + panel.begin;
          tile.c_row = inputs_;
          scratch.Multiply(tiles_, some, panel, tile);
        } else {
          tile.c = top;
          tile.c_row = panel.lanes;
          tiles_.multiply(some, panel.lanes, tile);
          top += kDenseTileFloats;
        }
      }
    });
  });
}

// Panel rows of a row-major matrix with inputs as columns: read where they are, and packed, the
// first time, then from the packed copy.
void JointDenseKernels::Place(bool first, const Panel& panel, int64_t depth, const float* matrix,
                              float* packed, DenseTile& tile) const {
  tile.panel = packed;
  tile.panel_step = panel.lanes;
  tile.packed = nullptr;
  if (!first) return;
  if (panel.valid == panel.lanes) {
    tile.panel = matrix + panel.begin;
    tile.panel_step = inputs_;
    tile.packed = packed;
    return;
  }
  for (int64_t k = 0; k < depth; ++k, packed += panel.lanes, matrix += inputs_) {
    std::copy_n(matrix + panel.begin, panel.valid, packed);
    std::fill_n(packed + panel.valid, panel.lanes - panel.valid, 0.0f);
  }
}

}  // namespace hebb::nn
