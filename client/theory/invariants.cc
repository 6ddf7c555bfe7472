// SPDX-License-Identifier: Apache-2.0
#include "client/theory/invariants.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace hebb::theory {

InvariantWatch::InvariantWatch(Rule rule, const Network& start) : rule_(rule), start_(Now(start)) {}

// W is the layer below, V and R are those of the layer above.
std::vector<InvariantWatch::Invariant> InvariantWatch::Now(const Network& network) const {
  Invariant weights, feedback;
  for (size_t l = 0; l + 1 < network.w.size(); ++l) {
    const Matrix& above = network.w[l + 1];
    Matrix square = network.w[l] * network.w[l].transpose();
    if (rule_ == Rule::kBp) {
      weights.name = "W W^T - V^T V";
      weights.layers.push_back({square, square - above.transpose() * above});
      continue;
    }
    const Matrix& r = network.r[l + 1];
    if (rule_ == Rule::kFrfb) {
      weights.name = "W W^T - (R V + V^T R^T)";
      const Matrix product = r * above;
      weights.layers.push_back({square, square - product - product.transpose()});
      continue;
    }
    weights.name = "W W^T - R R^T";
    weights.layers.push_back({square, square - r * r.transpose()});
    feedback.name = "R - V^T";
    feedback.layers.push_back({r, r - above.transpose()});
  }
  std::vector<Invariant> all;
  if (!feedback.layers.empty()) all.push_back(std::move(feedback));
  if (!weights.layers.empty()) all.push_back(std::move(weights));
  return all;
}

void InvariantWatch::Observe(const Network& network) {
  const std::vector<Invariant> now = Now(network);
  for (size_t i = 0; i < now.size(); ++i) {
    for (size_t l = 0; l < now[i].layers.size(); ++l) {
      Kept& start = start_[i].layers[l];
      const Kept& at = now[i].layers[l];
      start.term_change = std::max(start.term_change, (at.term - start.term).norm());
      start.whole_change = std::max(start.whole_change, (at.whole - start.whole).norm());
    }
  }
}

std::vector<Violation> InvariantWatch::Violations() const {
  std::vector<Violation> violations;
  for (const Invariant& invariant : start_) {
    Violation violation{invariant.name, 0};
    for (const Kept& layer : invariant.layers) {
      if (layer.term_change == 0) continue;
      violation.relative = std::max(violation.relative, layer.whole_change / layer.term_change);
    }
    violations.push_back(std::move(violation));
  }
  return violations;
}

}  // namespace hebb::theory
