// SPDX-License-Identifier: Apache-2.0
// See joint_untied_tiles.h. Everything is a member of a template over the width, so that no two
// files define the same symbol.
//
// All three products hold a tile of sums in registers: forward rows by filters while the taps pass
// by, update taps by filters while the rows pass by, backward rows by inputs while the filters pass
// by. Filters are lanes in forward and update, inputs in backward, for its sums go along the
// filters: B is turned on its way, 4 filters at a time.
#ifndef HEBB_WORKER_NN_JOINT_UNTIED_TILES_IMPL_H_
#define HEBB_WORKER_NN_JOINT_UNTIED_TILES_IMPL_H_

#include "worker/nn/joint_untied_registers.h"
#include "worker/nn/joint_untied_tiles.h"

namespace hebb::nn {

// `kWidth`: floats in a register; a tile has up to 2 by `kMost` of them.
template <int kWidth, int kMost>
struct JointUntiedLoops : JointUntiedRegisters<kWidth> {
  using Registers = JointUntiedRegisters<kWidth>;
  using V = typename Registers::V;
  using Mask = typename Registers::Mask;
  using Registers::First;
  using Registers::Gather;
  using Registers::Load;
  using Registers::MultiplyAdd;
  using Registers::Store;
  using Registers::Stream;
  using Registers::Turn;

  // Calls use<size>(first) for the tiles of `count` rows or taps.
  template <typename Use>
  static void ForEachTile(int64_t count, const Use& use) {
    Registers::template ForEachPiece<kMost>(count, use);
  }

  // Cuts the filters and calls use<whole registers, registers>(first, lanes of the register).
  template <typename Use>
  static void ForEachBlock(int64_t outs, const Use& use) {
    int64_t out = 0;
    for (; out + 2 * kWidth <= outs; out += 2 * kWidth) {
      use.template operator()<true, 2>(out, kWidth);
    }
    for (; out + kWidth <= outs; out += kWidth) use.template operator()<true, 1>(out, kWidth);
    if (out < outs) use.template operator()<false, 1>(out, outs - out);
  }

  template <bool kWhole, int kVectors, int kRows>
  static void ForwardTile(const JointUntiedPlace& place, const float* x, const float* w,
                          const float* bias, float* h, int64_t lanes) {
    V sums[kRows][kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      V start = {};
      if (bias != nullptr) Registers::template Load<kWhole>(bias + v * kWidth, lanes, start);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) sums[r][v] = start;
    }
    const int64_t next = place.bands * place.band * place.outs;
    for (int64_t i = 0; i < place.bands; ++i) {
      const float* values = x + i * place.band_stride * place.x_stride;
      for (int64_t j = 0; j < place.band; ++j, w += place.outs, values += place.x_stride) {
        V weights[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          Registers::template Load<kWhole>(w + v * kWidth, lanes, weights[v]);
          __builtin_prefetch(w + next + v * kWidth, 0, 2);  // the next place's matrix
        }
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
          for (int v = 0; v < kVectors; ++v) MultiplyAdd(weights[v], values[r], sums[r][v]);
        }
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        Registers::template Store<kWhole>(sums[r][v], lanes, h + r * place.h_stride + v * kWidth);
      }
    }
  }

  static void Forward(const JointUntiedPlace& place, const float* x, const float* w,
                      const float* bias, float* h) {
    ForEachBlock(place.outs, [&]<bool kWhole, int kVectors>(int64_t out, int64_t lanes) {
      const float* start = bias == nullptr ? nullptr : bias + out;
      ForEachTile(place.rows, [&]<int kRows>(int64_t row) {
        ForwardTile<kWhole, kVectors, kRows>(place, x + row, w + out, start,
                                             h + row * place.h_stride + out, lanes);
      });
    });
  }

  // Calls use(tap, register) for a tile's, all unrolled.
  template <int kTaps, int kVectors, typename Use>
  [[gnu::always_inline]] static void ForEachSum(const Use& use) {
#pragma GCC unroll 16
    for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) use(t, v);
    }
  }

  template <bool kWhole, int kVectors, int kTaps>
  static void UpdateTile(const JointUntiedPlace& place, const float* x, const float* signals,
                         const JointUntiedFold& fold, int64_t matrix, float* scratch,
                         int64_t lanes) {
    constexpr int kTile = kTaps * kVectors * kWidth;
    if (!fold.stream) {  // G's lines are on their way while their sums are made
      ForEachSum<kTaps, kVectors>([&](int t, int v) {
        __builtin_prefetch(fold.nodes[0] + matrix + t * place.outs + v * kWidth, 1, 2);
      });
    }
    for (const JointUntiedPart *part = fold.parts, *end = part + fold.count; part < end; ++part) {
      V sums[kTaps][kVectors];
      ForEachSum<kTaps, kVectors>([&](int t, int v) { sums[t][v] = V{}; });
      for (int64_t row = part->begin; row < part->end; ++row) {
        const float *values = x + row * place.x_stride, *d = signals + row * kSignalStride;
        V signal[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) Load(d + v * kWidth, signal[v]);
        ForEachSum<kTaps, kVectors>(
            [&](int t, int v) { MultiplyAdd(signal[v], values[t], sums[t][v]); });
      }
      for (int i = 0; i < part->merges; ++i) {
        scratch -= kTile;
        ForEachSum<kTaps, kVectors>([&](int t, int v) {
          V lower;
          Load(scratch + (t * kVectors + v) * kWidth, lower);
          sums[t][v] = lower + sums[t][v];
        });
      }
      float* g = part->root < 0 ? nullptr : fold.nodes[part->root] + matrix;
      if (g == nullptr) {
        ForEachSum<kTaps, kVectors>(
            [&](int t, int v) { Store(sums[t][v], scratch + (t * kVectors + v) * kWidth); });
        scratch += kTile;
      } else if (kWhole && fold.stream) {
        ForEachSum<kTaps, kVectors>(
            [&](int t, int v) { Stream(sums[t][v], g + t * place.outs + v * kWidth); });
      } else {
        ForEachSum<kTaps, kVectors>([&](int t, int v) {
          Registers::template Store<kWhole>(sums[t][v], lanes, g + t * place.outs + v * kWidth);
        });
      }
    }
  }

  static void Update(const JointUntiedPlace& place, const float* x, const float* signals,
                     const JointUntiedFold& fold, int64_t matrix, float* scratch) {
    ForEachBlock(place.outs, [&]<bool kWhole, int kVectors>(int64_t out, int64_t lanes) {
      const float* d =
          signals + out / kSignalBlock * place.rows * kSignalStride + out % kSignalBlock;
      for (int64_t i = 0; i < place.bands; ++i) {
        ForEachTile(place.band, [&]<int kTaps>(int64_t tap) {
          UpdateTile<kWhole, kVectors, kTaps>(place, x + i * place.band_stride + tap, d, fold,
                                              matrix + (i * place.band + tap) * place.outs + out,
                                              scratch, lanes);
        });
      }
    });
    if (fold.stream) Registers::EndStream();
  }

  template <bool kWhole, int kVectors, int kRows>
  static void BackwardTile(const JointUntiedStrips& strips, int64_t row, int64_t filters,
                           const float* signals, const float* panel) {
    float* delta[kVectors];
    V sums[kRows][kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      delta[v] = strips.strips[v].delta + row * strips.delta_stride;
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) Load(delta[v] + r * strips.delta_stride, sums[r][v]);
    }
    for (int64_t o = 0; o < filters; ++o, panel += kVectors * kWidth) {
      V weights[kVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        Load(panel + v * kWidth, weights[v]);
        __builtin_prefetch(strips.strips[v].b + strips.ahead + o * kWidth, 0, 2);
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const float signal = signals[r * kSignalStride + o];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) MultiplyAdd(weights[v], signal, sums[r][v]);
      }
    }
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const Mask mask = First(strips.strips[v].lanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        if constexpr (!kWhole) {
          V before;
          Load(delta[v] + r * strips.delta_stride, before);
          sums[r][v] = mask ? sums[r][v] : before;
        }
        Store(sums[r][v], delta[v] + r * strips.delta_stride);
      }
    }
  }

  template <int kVectors>
  static void BackwardStrips(const JointUntiedPlace& place, const JointUntiedStrips& strips,
                             const float* signals, float* panel) {
    bool whole = true;
    for (int v = 0; v < kVectors; ++v) whole = whole && strips.strips[v].lanes == kWidth;
    for (int64_t out = 0; out < place.outs; out += kSignalBlock) {
      const int64_t left = place.outs - out, filters = left < kSignalBlock ? left : kSignalBlock;
      for (int v = 0; v < kVectors; ++v) {
        const JointUntiedStrip& strip = strips.strips[v];
        Turn(strip.b + out, place.outs, strip.lanes, filters, panel + v * kWidth,
             kVectors * kWidth);
      }
      ForEachTile(place.rows, [&]<int kRows>(int64_t row) {
        const float* d = signals + row * kSignalStride;
        if (whole) {
          BackwardTile<true, kVectors, kRows>(strips, row, filters, d, panel);
        } else {
          BackwardTile<false, kVectors, kRows>(strips, row, filters, d, panel);
        }
      });
      signals += place.rows * kSignalStride;
    }
  }

  static void Backward(const JointUntiedPlace& place, const JointUntiedStrips& strips,
                       const float* signals, float* scratch) {
    if (strips.count == 2) {
      BackwardStrips<2>(place, strips, signals, scratch);
    } else {
      BackwardStrips<1>(place, strips, signals, scratch);
    }
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_UNTIED_TILES_IMPL_H_
