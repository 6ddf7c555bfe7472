// SPDX-License-Identifier: Apache-2.0
// See joint_dense_tiles.h. Everything is a member of a template over the width, so that no two
// files define the same symbol.
#ifndef HEBB_WORKER_NN_JOINT_DENSE_TILES_IMPL_H_
#define HEBB_WORKER_NN_JOINT_DENSE_TILES_IMPL_H_

#include "worker/nn/joint_dense_tiles.h"
#include "worker/nn/registers.h"

namespace hebb::nn {

// `kWidth`: floats in a register; `kMostRows` by 3 registers: the sums of the largest tile;
// `kLeast`: lanes of the narrowest panel; `kPairs`: the factors are pairs of bfloat16.
template <int kWidth, int kMostRows, int kLeast, bool kPairs = false>
struct DenseLoops : Registers<kWidth> {
  using Base = Registers<kWidth>;
  using Base::Load;
  using Base::Store;

  static constexpr int kMostVectors = 3;
  static constexpr int kMostLanes = kMostVectors * kWidth;
  static_assert(kMostRows * kMostLanes <= kDenseTileFloats);

  // How many k ahead of itself a tile fetches a panel that lies in memory; measured.
  static constexpr int64_t kPrefetchSteps = 12;

  template <int kLanes>
  struct Vector {
    using Type = typename Base::template VectorOf<kLanes, float>::Type;
    using Indices = typename Base::template VectorOf<kLanes, int>::Type;
  };

  template <typename V>
  [[gnu::always_inline]] static void MultiplyAdd(const V& a, float b, V& sum) {
#if defined(__AVX512BF16__)
    if constexpr (kPairs) return MultiplyPairs(a, b, sum);
#endif
    Base::MultiplyAdd(a, b, sum);
  }

#if defined(__AVX512BF16__)
  // sum += both products of a pair. The bits are those of vdpbf16ps, which no other machine has.
  template <typename V>
  [[gnu::always_inline]] static void MultiplyPairs(const V& a, float b, V& sum) {
    if constexpr (sizeof(V) == sizeof(__m512)) {
      sum = _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)_mm512_set1_ps(b));
    } else {
      sum = _mm256_dpbf16_ps(sum, (__m256bh)a, (__m256bh)_mm256_set1_ps(b));
    }
  }
#endif

  // `kPack`: the panel is read for the first time, from memory, and packed on the way.
  template <int kLanes, int kVectors, int kRows, bool kPack>
  static void Multiply(const DenseTile& tile) {
    using V = typename Vector<kLanes>::Type;
    V sums[kRows][kVectors];
    const float* rows[kRows];
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      rows[i] = tile.a + i * tile.a_row;
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) {
        sums[i][v] = V{};
        if (tile.resume) Load(tile.c + i * tile.c_row + v * kLanes, sums[i][v]);
      }
    }
    const float* panel = tile.panel;
    const int64_t panel_step = tile.panel_step, a_step = tile.a_step, depth = tile.depth;
    float* packed = tile.packed;
    for (int64_t k = 0, step = 0; k < depth; ++k, step += a_step, panel += panel_step) {
      V lanes[kVectors];
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) {
        Load(panel + v * kLanes, lanes[v]);
        if constexpr (kPack) {
          __builtin_prefetch(panel + kPrefetchSteps * panel_step + v * kLanes, 0, 3);
          Store(lanes[v], packed + v * kLanes);
        }
      }
      if constexpr (kPack) packed += kVectors * kLanes;
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
        const float value = rows[i][step];
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) MultiplyAdd(lanes[v], value, sums[i][v]);
      }
    }
    Finish<kLanes, kVectors, kRows>(tile, sums);
  }

  template <int kLanes, int kVectors, int kRows, typename V>
  [[gnu::always_inline]] static void Finish(const DenseTile& tile, V (&sums)[kRows][kVectors]) {
    const float* merged = tile.merged_end;
    for (int n = 0; n < tile.merges; ++n) {
      merged -= kDenseTileFloats;
#pragma GCC unroll 8
      for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
        for (int v = 0; v < kVectors; ++v) {
          V lower;
          Load(merged + (i * kVectors + v) * kLanes, lower);
          sums[i][v] = lower + sums[i][v];
        }
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 3
      for (int v = 0; v < kVectors; ++v) Store(sums[i][v], tile.c + i * tile.c_row + v * kLanes);
    }
  }

  template <int kLanes, int kVectors, int kRows>
  static void PickRows(int64_t rows, const DenseTile& tile) {
    if (rows == kRows) {
      tile.packed != nullptr ? Multiply<kLanes, kVectors, kRows, true>(tile)
                             : Multiply<kLanes, kVectors, kRows, false>(tile);
    } else if constexpr (kRows > 1) {
      PickRows<kLanes, kVectors, kRows - 1>(rows, tile);
    }
  }

  static void Pick(int64_t rows, int64_t lanes, const DenseTile& tile) {
    if (lanes == 3 * kWidth) {
      PickRows<kWidth, 3, kMostRows>(rows, tile);
    } else if (lanes == 2 * kWidth) {
      PickRows<kWidth, 2, kMostRows>(rows, tile);
    } else if (lanes == kWidth) {
      PickRows<kWidth, 1, kMostRows>(rows, tile);
    } else if constexpr (kLeast < kWidth) {
      PickRows<kLeast, 1, kMostRows>(rows, tile);
    }
  }

  // A square of registers: log2(kWidth) times, the first half's and the second half's are zipped.
  static void TransposeSquare(const float* from, int64_t from_row, float* to, int64_t to_row) {
    using V = typename Vector<kWidth>::Type;
    typename Vector<kWidth>::Indices low, high;
    for (int i = 0; i < kWidth; ++i) {
      low[i] = i / 2 + i % 2 * kWidth;
      high[i] = low[i] + kWidth / 2;
    }
    V square[kWidth], zipped[kWidth];
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) Load(from + i * from_row, square[i]);
#pragma GCC unroll 4
    for (int stage = 1; stage < kWidth; stage *= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < kWidth / 2; ++i) {
        zipped[2 * i] = __builtin_shuffle(square[i], square[i + kWidth / 2], low);
        zipped[2 * i + 1] = __builtin_shuffle(square[i], square[i + kWidth / 2], high);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kWidth; ++i) square[i] = zipped[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < kWidth; ++i) Store(square[i], to + i * to_row);
  }

  static void Transpose(int64_t rows, int64_t columns, const float* from, int64_t from_row,
                        float* to, int64_t to_row) {
    const int64_t even_rows = rows / kWidth * kWidth, even_columns = columns / kWidth * kWidth;
    for (int64_t i = 0; i < even_rows; i += kWidth) {
      for (int64_t j = 0; j < even_columns; j += kWidth) {
        TransposeSquare(from + i * from_row + j, from_row, to + j * to_row + i, to_row);
      }
    }
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t i = j < even_columns ? even_rows : 0; i < rows; ++i) {
        to[j * to_row + i] = from[i * from_row + j];
      }
    }
  }

  static constexpr DenseTiles Tiles(const char* name) {
    return {name, kMostRows, kMostLanes, kWidth, kLeast, Pick, Transpose};
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_DENSE_TILES_IMPL_H_
