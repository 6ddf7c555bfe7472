// SPDX-License-Identifier: Apache-2.0
// See winograd_tiles.h. Everything is a member of a template over the width, so that no two files
// define the same symbol.
#ifndef HEBB_WORKER_NN_WINOGRAD_TILES_IMPL_H_
#define HEBB_WORKER_NN_WINOGRAD_TILES_IMPL_H_

#include "worker/nn/registers.h"
#include "worker/nn/winograd_tiles.h"

namespace hebb::nn {

// `kWidth`: floats in a register; the sums of a product are up to 2 registers by kMost rows, or
// one by kMostNarrow where there are no two.
template <int kWidth, int kMost, int kMostNarrow>
struct WinogradLoops : Registers<kWidth> {
  using typename Registers<kWidth>::V;
  using Registers<kWidth>::Load;
  using Registers<kWidth>::Store;
  using Registers<kWidth>::MultiplyAdd;

  // Calls use(channel, place of the tile's channels in a transformed block) for each register.
  template <typename Use>
  [[gnu::always_inline]] static void ForEachRegister(const WinogradBlock& block, const Use& use) {
    for (int64_t tile = 0; tile < block.tiles; ++tile) {
      for (int64_t c = 0; c < block.channels; c += kWidth) use(tile, c, tile * block.channels + c);
    }
  }

  // A line of tiles needs two rows of pixels that the one above did not; they come meanwhile.
  template <bool kWrite = false>
  [[gnu::always_inline]] static void FetchBelow(const float* from, int64_t line, int64_t pixel) {
    __builtin_prefetch(from, kWrite);
    __builtin_prefetch(from + pixel, kWrite);
    __builtin_prefetch(from + line, kWrite);
    __builtin_prefetch(from + line + pixel, kWrite);
  }

  // Number kLine of B^T (a, b, c, d): each is of two of them.
  template <int kLine>
  [[gnu::always_inline]] static V InputLine(const V& a, const V& b, const V& c, const V& d) {
    return kLine == 0 ? a - c : kLine == 1 ? b + c : kLine == 2 ? c - b : b - d;
  }

  template <int kLine>
  [[gnu::always_inline]] static void TransformLine(const float* from, int64_t line, int64_t pixel,
                                                   float* to, int64_t place) {
    V columns[4];  // of B^T x; made line by line, for 16 of them leave no register
#pragma GCC unroll 4
    for (int x = 0; x < 4; ++x) {
      V a, b, c, d;
      Load(from + x * pixel, a);
      Load(from + x * pixel + line, b);
      Load(from + x * pixel + 2 * line, c);
      Load(from + x * pixel + 3 * line, d);
      columns[x] = InputLine<kLine>(a, b, c, d);
    }
    to += 4 * kLine * place;
    Store(InputLine<0>(columns[0], columns[1], columns[2], columns[3]), to);
    Store(InputLine<1>(columns[0], columns[1], columns[2], columns[3]), to + place);
    Store(InputLine<2>(columns[0], columns[1], columns[2], columns[3]), to + 2 * place);
    Store(InputLine<3>(columns[0], columns[1], columns[2], columns[3]), to + 3 * place);
  }

  static void TransformInput(const WinogradPatch* patches, const WinogradBlock& block, float* to) {
    ForEachRegister(
        block, [&](int64_t tile, int64_t c, int64_t at) __attribute__((always_inline)) {
          const float* from = patches[tile].pixels + c;
          const int64_t line = patches[tile].line;
          TransformLine<0>(from, line, block.channels, to + at, block.place);
          TransformLine<1>(from, line, block.channels, to + at, block.place);
          TransformLine<2>(from, line, block.channels, to + at, block.place);
          TransformLine<3>(from, line, block.channels, to + at, block.place);
          FetchBelow(from + 4 * line, line, block.channels);
        });
  }

  [[gnu::always_inline]] static void ErrorLine(const V& a, const V& b, V (&to)[4]) {
    to[0] = a;
    to[1] = a + b;
    to[2] = a - b;
    to[3] = -b;
  }

  static void TransformErrors(const WinogradPatch* patches, const WinogradBlock& block, float* to) {
    ForEachRegister(
        block, [&](int64_t tile, int64_t c, int64_t at) __attribute__((always_inline)) {
          const float* from = patches[tile].pixels + c;
          FetchBelow(from + 2 * patches[tile].line, patches[tile].line, block.channels);
          V columns[2][4];  // A d
#pragma GCC unroll 2
          for (int x = 0; x < 2; ++x) {
            V upper, lower;
            Load(from + x * block.channels, upper);
            Load(from + patches[tile].line + x * block.channels, lower);
            ErrorLine(upper, lower, columns[x]);
          }
#pragma GCC unroll 4
          for (int y = 0; y < 4; ++y) {
            V row[4];
            ErrorLine(columns[0][y], columns[1][y], row);
#pragma GCC unroll 4
            for (int x = 0; x < 4; ++x) Store(row[x], to + (4 * y + x) * block.place + at);
          }
        });
  }

  [[gnu::always_inline]] static void OutputLine(const V& a, const V& b, const V& c, const V& d,
                                                V (&to)[2]) {
    to[0] = a + b + c;
    to[1] = b - c - d;
  }

  static void TransformOutput(const float* m, const WinogradBlock& block,
                              const WinogradPatch* patches) {
    ForEachRegister(
        block, [&](int64_t tile, int64_t c, int64_t at) __attribute__((always_inline)) {
          V columns[4][2];  // A^T m
#pragma GCC unroll 4
          for (int x = 0; x < 4; ++x) {
            V product[4];
#pragma GCC unroll 4
            for (int y = 0; y < 4; ++y) Load(m + (4 * y + x) * block.place + at, product[y]);
            OutputLine(product[0], product[1], product[2], product[3], columns[x]);
          }
          float* to = patches[tile].pixels + c;
          FetchBelow<true>(to + 2 * patches[tile].line, patches[tile].line, block.channels);
#pragma GCC unroll 2
          for (int y = 0; y < 2; ++y) {
            V row[2];
            OutputLine(columns[0][y], columns[1][y], columns[2][y], columns[3][y], row);
            Store(row[0], to + y * patches[tile].line);
            Store(row[1], to + y * patches[tile].line + block.channels);
          }
        });
  }

  // sums[row][v] (+)= sum over k of a[row * a_row + k * a_step] b[k * b_step + v's lanes].
  struct Product {
    const float* a;
    int64_t a_row, a_step;
    const float* b;
    int64_t b_step;
    int64_t depth;  // at least 1
    float* sums;
    int64_t sums_row;
  };

  template <bool kResume, int kVectors, int kRows>
  static void Multiply(const Product& p) {
    V sums[kRows][kVectors];
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = V{};
        if constexpr (kResume) Load(p.sums + r * p.sums_row + v * kWidth, sums[r][v]);
      }
    }
    const float *a = p.a, *b = p.b;
    const int64_t a_row = p.a_row, a_step = p.a_step, b_step = p.b_step;
    int64_t left = p.depth;
    do {  // not `for`: GCC keeps the sums of a loop that may not run on the stack
      V lanes[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) Load(b + v * kWidth, lanes[v]);
#pragma GCC unroll 12
      for (int r = 0; r < kRows; ++r) {
        const float value = a[r * a_row];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) MultiplyAdd(lanes[v], value, sums[r][v]);
      }
      a += a_step;
      b += b_step;
    } while (--left > 0);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        Store(sums[r][v], p.sums + r * p.sums_row + v * kWidth);
      }
    }
  }

  // `p`, for all of `rows` and `lanes`.
  template <bool kResume>
  static void MultiplyAll(const Product& p, int64_t rows, int64_t lanes) {
    const auto columns = [&]<int kVectors, int kMostRows>(int64_t lane) {
      Registers<kWidth>::template ForEachPiece<kMostRows>(rows, [&]<int kRows>(int64_t row) {
        Product piece = p;
        piece.a += row * p.a_row;
        piece.b += lane;
        piece.sums += row * p.sums_row + lane;
        Multiply<kResume, kVectors, kRows>(piece);
      });
    };
    int64_t lane = 0;
    for (; lane + 2 * kWidth <= lanes; lane += 2 * kWidth) {
      columns.template operator()<2, kMost>(lane);
    }
    if (lane < lanes) columns.template operator()<1, kMostNarrow>(lane);
  }

  static void MultiplyPlaces(const float* v, const WinogradBlock& from, const float* u, float* m,
                             const WinogradBlock& to) {
    for (int place = 0; place < kWinogradPlaces; ++place) {
      const Product p = {v + place * from.place,
                         from.channels,
                         1,
                         u + place * from.channels * to.channels,
                         to.channels,
                         from.channels,
                         m + place * to.place,
                         to.channels};
      MultiplyAll<false>(p, from.tiles, to.channels);
    }
  }

  static void AccumulatePlaces(const float* v, const WinogradBlock& from, const float* d,
                               const WinogradBlock& errors, float* sums) {
    for (int place = 0; place < kWinogradPlaces; ++place) {
      const Product p = {v + place * from.place,
                         1,
                         from.channels,
                         d + place * errors.place,
                         errors.channels,
                         from.tiles,
                         sums + place * from.channels * errors.channels,
                         errors.channels};
      MultiplyAll<true>(p, from.channels, errors.channels);
    }
  }

  static constexpr WinogradTiles Tiles(const char* name) {
    return {name,           TransformInput,  TransformErrors, TransformOutput,
            MultiplyPlaces, AccumulatePlaces};
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_WINOGRAD_TILES_IMPL_H_
