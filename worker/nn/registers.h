// SPDX-License-Identifier: Apache-2.0
// Registers of some number of floats, for the *_tiles_impl.h, which are compiled once for each
// instruction set. Hence all members of a template over the width, and nothing of ours included: no
// function that the linker might share with files for other machines.
#ifndef HEBB_WORKER_NN_REGISTERS_H_
#define HEBB_WORKER_NN_REGISTERS_H_

#include <cstdint>

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace hebb::nn {

// `kWidth`: floats in a register, a multiple of 4.
template <int kWidth>
struct Registers {
  template <int kLanes, typename T>
  struct VectorOf {
    using Type __attribute__((vector_size(kLanes * sizeof(T)))) = T;
  };
  using V = typename VectorOf<kWidth, float>::Type;

  template <typename Vector>
  [[gnu::always_inline]] static void Load(const float* from, Vector& to) {
    __builtin_memcpy(&to, from, sizeof(Vector));
  }
  template <typename Vector>
  [[gnu::always_inline]] static void Store(const Vector& from, float* to) {
    __builtin_memcpy(to, &from, sizeof(Vector));
  }

  // sum += a b in each lane, rounded once; asked for by name, for the project's flags forbid the
  // compiler to fuse on its own. Without the instruction it is a call of libm for each lane: the
  // same bits, slowly.
  template <typename Vector>
  [[gnu::always_inline]] static void MultiplyAdd(const Vector& a, float b, Vector& sum) {
    constexpr int kLanes = sizeof(Vector) / sizeof(float);
#if defined(__FMA__)
#if defined(__AVX512F__)
    if constexpr (kLanes == 16) sum = _mm512_fmadd_ps(a, _mm512_set1_ps(b), sum);
#endif
    if constexpr (kLanes == 8) sum = _mm256_fmadd_ps(a, _mm256_set1_ps(b), sum);
#else
    for (int i = 0; i < kLanes; ++i) sum[i] = __builtin_fmaf(a[i], b, sum[i]);
#endif
  }

  // Calls use<n>() for the n, at most kFrom, that equals `count`.
  template <int kFrom, typename Use>
  static void Pick(int64_t count, const Use& use) {
    if (count == kFrom) return use.template operator()<kFrom>();
    if constexpr (kFrom > 1) Pick<kFrom - 1>(count, use);
  }

  // Cuts `count` into as few pieces as can be, none above kMost, of even size, and calls
  // use<size>(first).
  template <int kMost, typename Use>
  static void ForEachPiece(int64_t count, const Use& use) {
    int64_t pieces = (count + kMost - 1) / kMost;
    for (int64_t first = 0; pieces > 0; --pieces) {
      const int64_t size = (count - first + pieces - 1) / pieces;
      Pick<kMost>(size, [&]<int kSize>() { use.template operator()<kSize>(first); });
      first += size;
    }
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_REGISTERS_H_
