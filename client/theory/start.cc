// SPDX-License-Identifier: Apache-2.0
#include "client/theory/start.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

#include "common/check.h"
#include "common/random.h"

namespace hebb::theory {
namespace {

// 52 bits in (0, 1): the logarithm is finite.
double ToOpenUnit(uint32_t high, uint32_t low) {
  const uint64_t bits = (static_cast<uint64_t>(high) << 32 | low) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

// By Box and Muller, two a block, in the order of rows.
Matrix NormalMatrix(int rows, int columns, double deviation, const RandomStream& stream) {
  Matrix matrix(rows, columns);
  const int64_t count = static_cast<int64_t>(rows) * columns;
  for (int64_t i = 0; i < count; i += 2) {
    const std::array<uint32_t, 4> words = stream.Block(static_cast<uint32_t>(i / 2));
    const double radius = deviation * std::sqrt(-2 * std::log(ToOpenUnit(words[0], words[1])));
    const double angle = 2 * std::numbers::pi * ToOpenUnit(words[2], words[3]);
    matrix(i / columns, i % columns) = radius * std::cos(angle);
    if (i + 1 == count) break;
    matrix((i + 1) / columns, (i + 1) % columns) = radius * std::sin(angle);
  }
  return matrix;
}

}  // namespace

Problem RandomProblem(const std::vector<int>& layers, const Deviations& deviations, uint64_t seed) {
  HEBB_CHECK(layers.size() >= 2);
  const auto stream = [seed](RandomPurpose purpose, size_t layer) {
    return RandomStream(seed, purpose, static_cast<uint32_t>(layer), 0, 0);
  };
  Problem problem;
  problem.start.r.emplace_back();
  for (size_t l = 1; l < layers.size(); ++l) {
    problem.start.w.push_back(
        NormalMatrix(layers[l], layers[l - 1], deviations.w, stream(RandomPurpose::kWeight, l)));
    if (l == 1) continue;
    problem.start.r.push_back(
        NormalMatrix(layers[l - 1], layers[l], deviations.r, stream(RandomPurpose::kFeedback, l)));
  }
  // Weights too, though no layer's: layer 0 is free for them.
  problem.target = NormalMatrix(layers.back(), layers.front(), deviations.target,
                                stream(RandomPurpose::kWeight, 0));
  return problem;
}

Problem ScalarProblem(double w0, double r0, double t) {
  const auto scalar = [](double value) { return Matrix(Matrix::Constant(1, 1, value)); };
  Problem problem;
  problem.start.w = {scalar(w0), scalar(w0)};
  problem.start.r = {Matrix(), scalar(r0)};
  problem.target = scalar(t);
  return problem;
}

}  // namespace hebb::theory
