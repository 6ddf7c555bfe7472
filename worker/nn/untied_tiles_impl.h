// SPDX-License-Identifier: Apache-2.0
// See untied_tiles.h. Everything is a member of a template over the width, so that no two files
// define the same symbol.
//
// Forward and update run with filters as lanes: a tile of some rows by some registers of filters
// stays in registers while the taps pass by, and each float of W is loaded, each of G stored, once
// per tile of rows. Backward runs with rows as lanes, for its sums go along the filters.
#ifndef HEBB_WORKER_NN_UNTIED_TILES_IMPL_H_
#define HEBB_WORKER_NN_UNTIED_TILES_IMPL_H_

#include "worker/nn/untied_tiles.h"

#if defined(__FMA__)
#include <immintrin.h>
#endif

namespace hebb::nn {

// `kWidth`: floats in a register; `kRegisters`: how many there are.
template <int kWidth, int kRegisters>
struct UntiedLoops {
  template <int kLanes>
  struct Vector {
    using Type __attribute__((vector_size(kLanes * sizeof(float)))) = float;
  };

  template <typename V>
  [[gnu::always_inline]] static void Load(const float* from, V& to) {
    __builtin_memcpy(&to, from, sizeof(V));
  }
  template <typename V>
  [[gnu::always_inline]] static void Store(const V& from, float* to) {
    __builtin_memcpy(to, &from, sizeof(V));
  }

  // sum += a b in each lane, rounded once; asked for by name, for the project's flags forbid the
  // compiler to fuse on its own. Without the instruction it is a call of libm for each lane: the
  // same bits, slowly.
  template <typename V>
  [[gnu::always_inline]] static void MultiplyAdd(const V& a, float b, V& sum) {
    constexpr int kLanes = sizeof(V) / sizeof(float);
#if defined(__FMA__)
#if defined(__AVX512F__)
    if constexpr (kLanes == 16) sum = _mm512_fmadd_ps(a, _mm512_set1_ps(b), sum);
#endif
    if constexpr (kLanes == 8) sum = _mm256_fmadd_ps(a, _mm256_set1_ps(b), sum);
    if constexpr (kLanes == 4) sum = _mm_fmadd_ps(a, _mm_set1_ps(b), sum);
    if constexpr (kLanes == 1) sum[0] = __builtin_fmaf(a[0], b, sum[0]);
#else
    for (int i = 0; i < kLanes; ++i) sum[i] = __builtin_fmaf(a[i], b, sum[i]);
#endif
  }

  // How far ahead of itself backward fetches B, into the second cache; measured.
  static constexpr int kPrefetchTiles = 16;

  // Rows of a tile that is `vectors` registers wide.
  static constexpr int MostRows(int vectors) {
    return kRegisters >= 32 || vectors == 1 ? 6 : 8 / vectors;
  }
  // Two even parts rather than a whole tile and a thin one.
  static int64_t RowsOfTile(int64_t rows, int most) {
    return rows > most && rows < 2 * most ? (rows + 1) / 2 : rows < most ? rows : most;
  }

  template <int kLanes, int kVectors, int kRows>
  static void ForwardTile(const UntiedPlace& place, const float* x, const float* w,
                          const float* bias, float* h) {
    using V = typename Vector<kLanes>::Type;
    V sums[kRows][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      V start = {};
      if (bias != nullptr) Load(bias + v * kLanes, start);
      for (int r = 0; r < kRows; ++r) sums[r][v] = start;
    }
    for (int64_t i = 0; i < place.bands; ++i, x += place.band_stride) {
      for (int64_t j = 0; j < place.band; ++j, w += place.outs) {
        V weights[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) Load(w + v * kLanes, weights[v]);
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          const float value = x[r * place.x_stride + j];
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) MultiplyAdd(weights[v], value, sums[r][v]);
        }
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) Store(sums[r][v], h + r * place.h_stride + v * kLanes);
    }
  }

  // `first`: g holds nothing yet; otherwise the sum over the rows before these.
  template <int kLanes, int kVectors, int kRows>
  static void UpdateTile(const UntiedPlace& place, const float* x, const float* d, bool first,
                         float* g) {
    using V = typename Vector<kLanes>::Type;
    V signals[kRows][kVectors];
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) Load(d + r * place.h_stride + v * kLanes, signals[r][v]);
    }
    for (int64_t i = 0; i < place.bands; ++i, x += place.band_stride) {
      for (int64_t j = 0; j < place.band; ++j, g += place.outs) {
        V sums[kVectors];
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          sums[v] = V{};
          if (!first) Load(g + v * kLanes, sums[v]);
        }
#pragma GCC unroll 6
        for (int r = 0; r < kRows; ++r) {
          const float value = x[r * place.x_stride + j];
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) MultiplyAdd(signals[r][v], value, sums[v]);
        }
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) Store(sums[v], g + v * kLanes);
      }
    }
  }

  // Calls use<kRows>() for the kRows, at most kMost, that equals `rows`.
  template <int kMost, typename Use>
  static void Pick(int64_t rows, const Use& use) {
    if (rows == kMost) return use.template operator()<kMost>();
    if constexpr (kMost > 1) Pick<kMost - 1>(rows, use);
  }

  // Cuts the rows into tiles and calls use<rows of the tile>(first row).
  template <int kVectors, typename Use>
  static void ForEachTile(int64_t rows, const Use& use) {
    constexpr int kMost = MostRows(kVectors);
    for (int64_t row = 0, some; row < rows; row += some) {
      some = RowsOfTile(rows - row, kMost);
      Pick<kMost>(some, [&]<int kRows>() { use.template operator()<kRows>(row); });
    }
  }

  // Calls use<lanes, registers>(out) for the filters from `out` on while so many are left, and
  // returns where they end.
  template <int kLanes, int kVectors, typename Use>
  static int64_t Blocks(int64_t outs, int64_t out, const Use& use) {
    for (; out + kLanes * kVectors <= outs; out += kLanes * kVectors) {
      use.template operator()<kLanes, kVectors>(out);
    }
    return out;
  }

  template <typename Use>
  static void ForEachBlock(int64_t outs, const Use& use) {
    int64_t out = Blocks<kWidth, 4>(outs, 0, use);
    out = Blocks<kWidth, 2>(outs, out, use);
    out = Blocks<kWidth, 1>(outs, out, use);
    if constexpr (kWidth > 8) out = Blocks<8, 1>(outs, out, use);
    if constexpr (kWidth > 4) out = Blocks<4, 1>(outs, out, use);
    Blocks<1, 1>(outs, out, use);
  }

  static void Forward(const UntiedPlace& place, const float* x, const float* w, const float* bias,
                      float* h) {
    ForEachBlock(place.outs, [&]<int kLanes, int kVectors>(int64_t out) {
      const float* start = bias == nullptr ? nullptr : bias + out;
      ForEachTile<kVectors>(place.rows, [&]<int kRows>(int64_t row) {
        ForwardTile<kLanes, kVectors, kRows>(place, x + row * place.x_stride, w + out, start,
                                             h + row * place.h_stride + out);
      });
    });
  }

  static void Update(const UntiedPlace& place, const float* x, const float* d, float* g) {
    ForEachBlock(place.outs, [&]<int kLanes, int kVectors>(int64_t out) {
      ForEachTile<kVectors>(place.rows, [&]<int kRows>(int64_t row) {
        UpdateTile<kLanes, kVectors, kRows>(place, x + row * place.x_stride,
                                            d + row * place.h_stride + out, row == 0, g + out);
      });
    });
  }

  // kInputs of the inputs that the place sees, neighbours in memory: delta[input][lane] +=
  // sum over filters of B[input][filter] d[filter][lane].
  template <int kLanes, int kInputs>
  static void BackwardTile(int64_t outs, const float* b, const float* d, float* delta) {
    constexpr int kPart = kLanes < kWidth ? kLanes : kWidth;
    constexpr int kParts = kLanes / kPart;
    using V = typename Vector<kPart>::Type;
    V sums[kInputs][kParts];
    for (int i = 0; i < kInputs; ++i) {
      for (int p = 0; p < kParts; ++p) Load(delta + i * kLanes + p * kPart, sums[i][p]);
    }
    for (int64_t o = 0; o < outs; ++o, d += kLanes) {
      // B passes by in its order, but in too many strands for the machine to foresee.
      __builtin_prefetch(b + kPrefetchTiles * kInputs * outs + o * kInputs, 0, 2);
      V signal[kParts];
#pragma GCC unroll 4
      for (int p = 0; p < kParts; ++p) Load(d + p * kPart, signal[p]);
#pragma GCC unroll 16
      for (int i = 0; i < kInputs; ++i) {
        const float value = b[i * outs + o];
#pragma GCC unroll 4
        for (int p = 0; p < kParts; ++p) MultiplyAdd(signal[p], value, sums[i][p]);
      }
    }
    for (int i = 0; i < kInputs; ++i) {
      for (int p = 0; p < kParts; ++p) Store(sums[i][p], delta + i * kLanes + p * kPart);
    }
  }

  template <int kLanes>
  static void BackwardLanes(const UntiedPlace& place, const float* b, const float* d,
                            float* delta) {
    constexpr int kParts = kLanes < kWidth ? 1 : kLanes / kWidth;
    constexpr int kInputs = 8 / kParts;
    const int64_t outs = place.outs;
    for (int64_t i = 0; i < place.bands; ++i, delta += place.band_stride * kLanes) {
      int64_t j = 0;
      for (; j + kInputs <= place.band; j += kInputs, b += kInputs * outs) {
        BackwardTile<kLanes, kInputs>(outs, b, d, delta + j * kLanes);
      }
      for (; j + 4 <= place.band; j += 4, b += 4 * outs) {
        BackwardTile<kLanes, 4>(outs, b, d, delta + j * kLanes);
      }
      for (; j < place.band; ++j, b += outs) {
        BackwardTile<kLanes, 1>(outs, b, d, delta + j * kLanes);
      }
    }
  }

  static void Backward(const UntiedPlace& place, int64_t lanes, const float* b, const float* d,
                       float* delta) {
    if (lanes == 16) {
      BackwardLanes<16>(place, b, d, delta);
    } else if (lanes == 8) {
      BackwardLanes<8>(place, b, d, delta);
    } else {
      BackwardLanes<4>(place, b, d, delta);
    }
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_UNTIED_TILES_IMPL_H_
