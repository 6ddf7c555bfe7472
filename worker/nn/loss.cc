// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/loss.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace hebb::nn {
namespace {

// One row. Gradients are computed in double and rounded once.
struct Row {
  const float* x;
  int64_t classes;
  int64_t label;
  double scale;  // 1 / batch size
  float* delta;  // null: not wanted

  void SetDelta(int64_t j, double gradient) const {
    if (delta != nullptr) delta[j] = static_cast<float>(gradient * scale);
  }
};

double RowLoss(const spec::Hinge& hinge, const Row& row) {
  const double off = hinge.off_class_weight / static_cast<double>(row.classes - 1);
  double loss = 0;
  for (int64_t j = 0; j < row.classes; ++j) {
    const bool is_label = j == row.label;
    const double margin = is_label ? 1.0 - row.x[j] : 1.0 + row.x[j];
    const double weight = is_label ? 1.0 : off;
    loss += margin <= 0 ? 0.0 : weight * margin;  // NaN counts
    row.SetDelta(j, margin > 0 ? (is_label ? -weight : weight) : 0.0);
  }
  return loss;
}

double RowLoss(const spec::CrossEntropy&, const Row& row) {
  const double top = *std::max_element(row.x, row.x + row.classes);
  double sum = 0;
  for (int64_t j = 0; j < row.classes; ++j) sum += std::exp(row.x[j] - top);
  for (int64_t j = 0; j < row.classes; ++j) {
    row.SetDelta(j, std::exp(row.x[j] - top) / sum - (j == row.label ? 1.0 : 0.0));
  }
  return std::log(sum) - (row.x[row.label] - top);
}

double RowLoss(const spec::BinaryCrossEntropy&, const Row& row) {
  double loss = 0;
  for (int64_t j = 0; j < row.classes; ++j) {
    const double x = row.x[j], e = std::exp(-std::abs(x));
    const double target = j == row.label ? 1.0 : 0.0;
    // log(1 + exp(x)) - target x, without overflow.
    loss += (x > 0 ? x : 0.0) + std::log1p(e) - target * x;
    row.SetDelta(j, (x >= 0 ? 1.0 : e) / (1.0 + e) - target);
  }
  return loss;
}

double RowLoss(const spec::Squared&, const Row& row) {
  double loss = 0;
  for (int64_t j = 0; j < row.classes; ++j) {
    const double difference = row.x[j] - (j == row.label ? 1.0 : -1.0);
    loss += difference * difference;
    row.SetDelta(j, 2.0 * difference);
  }
  return loss;
}

}  // namespace

LossTotals ComputeLoss(const spec::Loss& loss, int64_t classes, std::span<const int32_t> labels,
                       int64_t batch_size, const float* outputs, float* delta) {
  LossTotals totals;
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i) * classes;
    const Row row = {outputs + at, classes, labels[i], 1.0 / static_cast<double>(batch_size),
                     delta == nullptr ? nullptr : delta + at};
    totals.loss += std::visit([&](const auto& kind) { return RowLoss(kind, row); }, loss);
    totals.correct += std::max_element(row.x, row.x + classes) - row.x == labels[i];
  }
  return totals;
}

}  // namespace hebb::nn
