// SPDX-License-Identifier: Apache-2.0
// What goes through registers besides sums in joint_untied_tiles_impl.h: masks, copies, turns.
// Compiled once for each instruction set, hence all members of a template over the width.
#ifndef HEBB_WORKER_NN_JOINT_UNTIED_REGISTERS_H_
#define HEBB_WORKER_NN_JOINT_UNTIED_REGISTERS_H_

#include <cstdint>
#include <utility>

#include "worker/nn/joint_untied_tiles.h"
#include "worker/nn/registers.h"

namespace hebb::nn {

// `kWidth`: floats in a register, a multiple of 4.
template <int kWidth>
struct JointUntiedRegisters : Registers<kWidth> {
  using Base = Registers<kWidth>;
  using typename Base::V;
  using Mask = typename Base::template VectorOf<kWidth, int>::Type;
  using Base::Load;
  using Base::Store;

  // The lanes below `lanes`.
  [[gnu::always_inline]] static Mask First(int64_t lanes) {
    Mask mask;
    for (int i = 0; i < kWidth; ++i) mask[i] = i < lanes ? -1 : 0;
    return mask;
  }

  // Touches no memory beyond the lanes, unless it is kWhole.
  template <bool kWhole>
  [[gnu::always_inline]] static void Load(const float* from, int64_t lanes, V& to) {
    if constexpr (kWhole) return Load(from, to);
    to = V{};
    for (int64_t i = 0; i < lanes; ++i) to[i] = from[i];
  }
  template <bool kWhole>
  [[gnu::always_inline]] static void Store(const V& from, int64_t lanes, float* to) {
    if constexpr (kWhole) return Store(from, to);
    for (int64_t i = 0; i < lanes; ++i) to[i] = from[i];
  }

  // Past the caches. REQUIRES: `to` is aligned to a register.
  [[gnu::always_inline]] static void Stream(const V& from, float* to) {
#if defined(__AVX512F__)
    if constexpr (kWidth == 16) return _mm512_stream_ps(to, from);
#endif
#if defined(__AVX__)
    if constexpr (kWidth == 8) return _mm256_stream_ps(to, from);
#endif
    Store(from, to);
  }
  // Before others may see what has been streamed.
  static void EndStream() {
#if defined(__AVX__)
    _mm_sfence();
#endif
  }

  // In each group of 4 lanes: the low or high `kUnit`s of a and b in turn.
  template <int kUnit, int kHigh>
  [[gnu::always_inline]] static V Zip(const V& a, const V& b) {
    return [&]<int... kLane>(std::integer_sequence<int, kLane...>) {
      return __builtin_shufflevector(
          a, b,
          (kLane / 4 * 4 + kHigh * 2 + (kUnit == 1 ? kLane % 4 / 2 : kLane % 2) +
           (kUnit == 1 ? kLane % 2 : kLane % 4 / 2) * kWidth)...);
    }
    (std::make_integer_sequence<int, kWidth>());
  }

  // The 4 floats at each rows[4 q], one after the other.
  template <int kLanes>
  [[gnu::always_inline]] static auto Quads(const float* const* rows, int64_t at) {
    typename Base::template VectorOf<kLanes, float>::Type quads;
    if constexpr (kLanes == 4) {
      Load(rows[0] + at, quads);
    } else {
      const auto low = Quads<kLanes / 2>(rows, at), high = Quads<kLanes / 2>(rows + kLanes / 2, at);
      quads = [&]<int... kLane>(std::integer_sequence<int, kLane...>) {
        return __builtin_shufflevector(low, high, kLane...);
      }
      (std::make_integer_sequence<int, kLanes>());
    }
    return quads;
  }

  static void Turn(const float* from, int64_t from_stride, int64_t lanes, int64_t units, float* to,
                   int64_t to_stride) {
    const float* rows[kWidth];
    for (int i = 0; i < kWidth; ++i) rows[i] = from + (i < lanes ? i : lanes - 1) * from_stride;
    int64_t unit = 0;
    for (; unit + 4 <= units; unit += 4, to += 4 * to_stride) {
      const V a = Quads<kWidth>(rows, unit), b = Quads<kWidth>(rows + 1, unit);
      const V c = Quads<kWidth>(rows + 2, unit), d = Quads<kWidth>(rows + 3, unit);
      const V low_ab = Zip<1, 0>(a, b), high_ab = Zip<1, 1>(a, b);
      const V low_cd = Zip<1, 0>(c, d), high_cd = Zip<1, 1>(c, d);
      Store(Zip<2, 0>(low_ab, low_cd), to);
      Store(Zip<2, 1>(low_ab, low_cd), to + to_stride);
      Store(Zip<2, 0>(high_ab, high_cd), to + 2 * to_stride);
      Store(Zip<2, 1>(high_ab, high_cd), to + 3 * to_stride);
    }
    for (; unit < units; ++unit, to += to_stride) {
      for (int i = 0; i < kWidth; ++i) to[i] = rows[i][unit];
    }
  }

  static void Gather(const JointUntiedPlace& place, int64_t places, const float* d,
                     float* signals) {
    for (int64_t row = 0; row < place.rows; ++row) {
      const float* from = d + row * place.h_stride;
      float* to = signals + row * kSignalStride;
      for (int64_t p = 0; p < places; ++p) {
        for (int64_t out = 0; out < place.outs; out += kSignalBlock) {
          const int64_t left = place.outs - out, some = left < kSignalBlock ? left : kSignalBlock;
          int64_t i = 0;
          for (; i + kWidth <= some; i += kWidth) {
            __builtin_prefetch(from + i + 2 * place.h_stride);  // a row is a strand of its own
            V filters;
            Load(from + i, filters);
            Store(filters, to + i);
          }
          for (; i < some; ++i) to[i] = from[i];
          from += some;
          to += place.rows * kSignalStride;
        }
      }
    }
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_UNTIED_REGISTERS_H_
