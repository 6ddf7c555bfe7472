// SPDX-License-Identifier: Apache-2.0
// Losses and their gradients, in double, rounded once (nn/loss.h has the formulas).
#ifndef HEBB_WORKER_GPU_KERNELS_LOSS_H_
#define HEBB_WORKER_GPU_KERNELS_LOSS_H_

#include <cmath>

#include "worker/gpu/kernels/device.h"

namespace hebb::gpu::kernels {

enum class LossKind : int32_t { kHinge, kCrossEntropy, kBinaryCrossEntropy, kSquared };

struct RowLoss {
  double loss = 0;
  int32_t correct = 0;  // 1: the largest output, of several the first, is the label's
};

// Index: a row.
struct Loss {
  const float* outputs;
  const int32_t* labels;
  const StepValues* step;
  RowLoss* losses;  // by row
  float* delta;     // dLoss/dx of the batch's mean loss; null: not wanted
  Index classes;
  LossKind kind;
  double off_weight;  // hinge: of all classes but the label's, together

  HEBB_DEVICE void operator()(Index row) const {
    const float* x = outputs + static_cast<size_t>(row) * classes;
    const auto label = static_cast<Index>(labels[row]);
    Index best = 0;
    for (Index j = 1; j < classes; ++j) {
      if (x[best] < x[j]) best = j;
    }
    RowLoss result;
    result.correct = best == label ? 1 : 0;
    double sum = 0;  // of softmax
    if (kind == LossKind::kCrossEntropy) {
      for (Index j = 0; j < classes; ++j) sum += exp(static_cast<double>(x[j]) - x[best]);
      result.loss = log(sum) - (static_cast<double>(x[label]) - x[best]);
    }
    for (Index j = 0; j < classes; ++j) {
      const double gradient = Term(x, j, j == label, x[best], sum, result.loss);
      if (delta != nullptr) {
        delta[static_cast<size_t>(row) * classes + j] =
            static_cast<float>(gradient * step->inverse_batch);
      }
    }
    losses[row] = result;
  }

 private:
  // The slope along one output; adds that output's part of the loss.
  HEBB_DEVICE double Term(const float* outputs_of_row, Index j, bool is_label, double top,
                          double softmax_sum, double& loss) const {
    const double x = outputs_of_row[j];
    switch (kind) {
      case LossKind::kHinge: {
        const double weight = is_label ? 1.0 : off_weight / (classes - 1.0);
        const double margin = is_label ? 1.0 - x : 1.0 + x;
        loss += margin <= 0 ? 0.0 : weight * margin;  // NaN counts
        return margin > 0 ? (is_label ? -weight : weight) : 0.0;
      }
      case LossKind::kCrossEntropy:
        return exp(x - top) / softmax_sum - (is_label ? 1.0 : 0.0);
      case LossKind::kBinaryCrossEntropy: {
        const double e = exp(-fabs(x)), target = is_label ? 1.0 : 0.0;
        loss += (x > 0 ? x : 0.0) + log1p(e) - target * x;
        return (x >= 0 ? 1.0 : e) / (1.0 + e) - target;
      }
      case LossKind::kSquared:
        break;
    }
    const double difference = x - (is_label ? 1.0 : -1.0);
    loss += difference * difference;
    return 2.0 * difference;
  }
};

HEBB_DEVICE RowLoss SumOf(const RowLoss* losses, Index begin, Index end) {
  RowLoss sum;
  HEBB_UNROLL_BY_8
  for (Index i = begin; i < end; ++i) {
    sum.loss += losses[i].loss;
    sum.correct += losses[i].correct;
  }
  return sum;
}

// Adds up rows, in their order, so many at a time: one index alone would wait for its memory once a
// row. Index: [slice][part].
inline constexpr Index kRowsOfPart = 32;
struct LossParts {
  const RowLoss* losses;
  const uint32_t* offsets;  // where each slice's rows begin, and the end
  RowLoss* sums;            // [slice][part]
  Index parts;              // of the largest slice

  HEBB_DEVICE void operator()(Index i) const {
    const Index slice = i / parts, begin = offsets[slice] + i % parts * kRowsOfPart;
    const Index after = offsets[slice + 1];
    sums[i] = SumOf(losses, begin, begin + kRowsOfPart < after ? begin + kRowsOfPart : after);
  }
};
// Index: a slice.
struct LossTotals {
  const RowLoss* sums;
  RowLoss* totals;  // by slice
  Index parts;

  HEBB_DEVICE void operator()(Index slice) const {
    totals[slice] = SumOf(sums, slice * parts, (slice + 1) * parts);
  }
};

}  // namespace hebb::gpu::kernels

#endif  // HEBB_WORKER_GPU_KERNELS_LOSS_H_
