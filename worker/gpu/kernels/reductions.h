// SPDX-License-Identifier: Apache-2.0
// Sums in a fixed order. Long ones go in steps: parts of a fixed length, then a fixed number of
// parts at a time, all in double; so their bits depend on the numbers of lines and columns alone.
//
// Values lie as [line][column]. A slice has the lines of its rows: offsets[slice] * lines_of_row
// on.
#ifndef HEBB_WORKER_GPU_KERNELS_REDUCTIONS_H_
#define HEBB_WORKER_GPU_KERNELS_REDUCTIONS_H_

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

inline constexpr Index kLinesOfPart = 64;
inline constexpr Index kPartsAtOnce = 32;

// So many values are asked for before the first is waited for: what one index adds up is short, and
// would cost a memory's latency for each.
inline constexpr Index kLinesAtOnce = 8;

// Which lines the parts of slices have; parts of the largest slice for all, the last may be empty.
struct SliceParts {
  const uint32_t* offsets;
  Index lines_of_row;
  Index parts;  // of a slice
  Index columns;

  struct Lines {
    size_t begin, end;
  };
  // Of index [slice][part][column].
  HEBB_DEVICE Lines Of(Index i) const {
    const Index part = i / columns % parts, slice = i / columns / parts;
    const size_t first = static_cast<size_t>(offsets[slice]) * lines_of_row;
    const size_t after = static_cast<size_t>(offsets[slice + 1]) * lines_of_row;
    const size_t begin = first + static_cast<size_t>(part) * kLinesOfPart;
    const size_t end = begin + kLinesOfPart < after ? begin + kLinesOfPart : after;
    return {begin, end};
  }
};

// Of one column the values of kLinesAtOnce lines, 0 from `end` on. Something is read in any case: a
// condition would be waited for. REQUIRES: line < end.
HEBB_DEVICE void LinesAt(size_t line, size_t end, const float* column, Index columns,
                         float (&values)[kLinesAtOnce]) {
  HEBB_UNROLL
  for (Index k = 0; k < kLinesAtOnce; ++k) {
    const bool there = line + k < end;
    const float value = column[(there ? line + k : line) * columns];
    values[k] = there ? value : 0.0f;
  }
}

// The sum of up to kPartsAtOnce numbers that lie `stride` apart, in their order; read alike.
HEBB_DEVICE double SumOfParts(const double* from, Index count, size_t stride) {
  double parts[kPartsAtOnce];
  HEBB_UNROLL
  for (Index part = 0; part < kPartsAtOnce; ++part) {
    const bool there = part < count;
    const double value = from[there ? part * stride : 0];
    parts[part] = there ? value : 0.0;
  }
  double sum = 0;
  HEBB_UNROLL
  for (Index part = 0; part < kPartsAtOnce; ++part) sum += parts[part];
  return sum;
}

// partials[slice][part][column] = the part's sum.
struct PartSums {
  SliceParts of;
  const float* values;
  double* partials;

  HEBB_DEVICE void operator()(Index i) const {
    const SliceParts::Lines lines = of.Of(i);
    double sum = 0;
    for (size_t line = lines.begin; line < lines.end; line += kLinesAtOnce) {
      float some[kLinesAtOnce];
      LinesAt(line, lines.end, values + i % of.columns, of.columns, some);
      HEBB_UNROLL
      for (Index k = 0; k < kLinesAtOnce; ++k) sum += some[k];
    }
    partials[i] = sum;
  }
};

// Sums of two things at once: partials[slice][part][2][column], index as above.
HEBB_DEVICE void PutPair(const SliceParts& of, Index i, double first, double second,
                         double* partials) {
  const Index column = i % of.columns;
  double* to = partials + static_cast<size_t>(i - column) * 2 + column;
  to[0] = first;
  to[of.columns] = second;
}

// Of the values, and of their squares.
struct PartMoments {
  SliceParts of;
  const float* values;
  double* partials;

  HEBB_DEVICE void operator()(Index i) const {
    const SliceParts::Lines lines = of.Of(i);
    double sum = 0, squares = 0;
    for (size_t line = lines.begin; line < lines.end; line += kLinesAtOnce) {
      float some[kLinesAtOnce];
      LinesAt(line, lines.end, values + i % of.columns, of.columns, some);
      HEBB_UNROLL
      for (Index k = 0; k < kLinesAtOnce; ++k) {
        const double value = some[k];
        sum += value;
        squares += value * value;
      }
    }
    PutPair(of, i, sum, squares, partials);
  }
};

// to[slice][group][column] = the sum of kPartsAtOnce parts. Index: the same.
struct GroupParts {
  const double* partials;
  double* to;
  Index parts;
  Index groups;
  Index columns;

  HEBB_DEVICE void operator()(Index i) const {
    const Index column = i % columns, group = i / columns % groups, slice = i / columns / groups;
    const Index begin = group * kPartsAtOnce, left = parts - begin;
    const double* from = partials + (static_cast<size_t>(slice) * parts + begin) * columns + column;
    to[i] = SumOfParts(from, left < kPartsAtOnce ? left : kPartsAtOnce, columns);
  }
};

// totals[slice * stride + column] = the sum over the parts, kPartsAtOnce of them at most. Index:
// [slice][column].
template <typename T>
struct TotalsOf {
  const double* partials;
  T* totals;
  Index parts;
  Index columns;
  size_t stride;

  HEBB_DEVICE void operator()(Index i) const {
    const Index column = i % columns, slice = i / columns;
    const double* from = partials + static_cast<size_t>(slice) * parts * columns + column;
    totals[slice * stride + column] = static_cast<T>(SumOfParts(from, parts, columns));
  }
};
using Totals = TotalsOf<float>;
using ExactTotals = TotalsOf<double>;

// The program of a slices::Fold: for each input two bytes, how many merges follow it and which root
// is then taken off the stack (-1: none).
inline constexpr int kFoldDepth = 16;

// Adds whole vectors in the order of a fold. Index: an entry of the vectors.
struct FoldVectors {
  const float* const* inputs;
  float* const* roots;
  const int8_t* program;
  int32_t inputs_count;
  Index first = 0;  // the entry that index 0 stands for

  HEBB_DEVICE void operator()(Index index) const {
    const Index i = first + index;
    float stack[kFoldDepth];  // of older sums; the newest is in a register
    int top = 0;
    for (int32_t input = 0; input < inputs_count; ++input) {
      float sum = inputs[input][i];
      for (int8_t merge = 0; merge < program[2 * input]; ++merge) sum = stack[--top] + sum;
      const int8_t root = program[2 * input + 1];
      if (root >= 0) {
        roots[root][i] = sum;
      } else {
        stack[top++] = sum;
      }
    }
  }
};

// The sum of squares of connections that exist, in parts of kLinesOfPart * 16. Index: a part, whose
// values lie `parts` apart: neighbours read neighbours.
inline constexpr Index kSquaresOfPart = kLinesOfPart * 16;
struct PartSquares {
  const float* values;
  const uint8_t* mask;  // null: all exist
  size_t size;
  Index parts;
  double* partials;

  HEBB_DEVICE void operator()(Index part) const {
    double sum = 0;
    for (size_t i = part; i < size; i += parts) {
      if (mask == nullptr || mask[i] != 0) sum += static_cast<double>(values[i]) * values[i];
    }
    partials[part] = sum;
  }
};

// The factor that brings the norm of all updates down to `limit`. One index.
struct ClipFactor {
  const double* partials;
  Index parts;  // kPartsAtOnce at most
  double limit;
  StepValues* step;

  HEBB_DEVICE void operator()(Index) const {
    const double norm = sqrt(SumOfParts(partials, parts, 1));
    step->scale = norm > limit ? static_cast<float>(limit / norm) : 1.0f;
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_REDUCTIONS_H_
