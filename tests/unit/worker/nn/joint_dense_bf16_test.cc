// SPDX-License-Identifier: Apache-2.0
// The three products in bfloat16: exact on whole numbers for every shape, those of rounded factors
// on others, and the same bits for any threads, any other rows and any deal of the slices.
#include "worker/nn/joint_dense_bf16.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/unit/worker/nn/layer_harness.h"
#include "worker/nn/bf16.h"

namespace hebb::nn {
namespace {

const float kPoison = std::numeric_limits<float>::quiet_NaN();

// Slices of different sizes, odd ones among them, the third empty.
std::vector<int64_t> Offsets(int64_t rows, int slices) {
  std::vector<int64_t> offsets = {0};
  for (int i = 1; i <= slices; ++i) {
    offsets.push_back(i == slices ? rows : i == 3 ? offsets.back() : i * rows / slices);
  }
  return offsets;
}

struct Problem {
  Problem(int64_t in, int64_t out, int64_t samples, bool whole = false)
      : inputs(in), units(out), rows(samples), offsets(Offsets(rows, kSlices)) {
    const auto numbers = [&](int64_t size, uint32_t seed) {
      return whole ? WholeNumbers(size, 3, seed) : Uniform(size, seed);
    };
    x = numbers(rows * inputs, 1);
    d = numbers(rows * units, 2);
    w = numbers(units * inputs, 3);
    bias = numbers(units, 4);
  }

  static constexpr int kSlices = 8;
  int64_t inputs, units, rows;
  std::vector<int64_t> offsets;
  Values x, d, w, bias;
};

struct Products {
  Values h, delta, g;
  bool operator==(const Products&) const = default;
};

Products Plain(const Problem& p) {
  std::vector<double> h(p.rows * p.units), delta(p.x.size()), g(p.w.size());
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t u = 0; u < p.units; ++u) {
      h[r * p.units + u] = p.bias[u];
      for (int64_t i = 0; i < p.inputs; ++i) {
        const double x = p.x[r * p.inputs + i], w = p.w[u * p.inputs + i], d = p.d[r * p.units + u];
        h[r * p.units + u] += x * w;
        delta[r * p.inputs + i] += d * w;
        g[u * p.inputs + i] += d * x;
      }
    }
  }
  return {{h.begin(), h.end()}, {delta.begin(), delta.end()}, {g.begin(), g.end()}};
}

// The nodes of the slices `owned`.
std::vector<Values> Nodes(const Problem& p, slices::SliceRange owned, device::ComputePool& pool) {
  const auto kernels = JointDenseBf16::Create(p.inputs, p.units, pool.size());
  kernels->PrepareRows(p.rows);
  const slices::Fold fold = slices::Fold::OfRank(Problem::kSlices, owned);
  std::vector<Values> made(fold.roots(), Values(p.w.size(), kPoison));
  std::vector<float*> nodes;
  for (Values& node : made) nodes.push_back(node.data());
  const int64_t first = p.offsets[owned.begin];
  std::vector<int64_t> offsets;
  for (int i = owned.begin; i <= owned.end; ++i) offsets.push_back(p.offsets[i] - first);
  kernels->BackwardWeights({offsets.back(), offsets}, p.x.data() + first * p.inputs,
                           p.d.data() + first * p.units, fold, nodes, pool);
  return made;
}

Products Compute(const Problem& p, device::ComputePool& pool) {
  Products made = {Values(p.rows * p.units, kPoison), Values(p.rows * p.inputs, kPoison), {}};
  const auto kernels = JointDenseBf16::Create(p.inputs, p.units, pool.size());
  kernels->PrepareRows(p.rows);
  kernels->Forward(p.rows, p.x.data(), p.w.data(), p.bias.data(), made.h.data(), pool);
  kernels->BackwardData(p.rows, p.d.data(), p.w.data(), made.delta.data(), pool);
  made.g = Nodes(p, {0, Problem::kSlices}, pool)[0];
  return made;
}

class JointDenseBf16Test : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasBf16Products()) GTEST_SKIP() << "no avx512_bf16";
  }
};

void ExpectPlain(const Problem& p, device::ComputePool& pool) {
  SCOPED_TRACE(std::to_string(p.inputs) + "-" + std::to_string(p.units) + " rows " +
               std::to_string(p.rows));
  const Products made = Compute(p, pool), expected = Plain(p);
  ExpectEqual(made.h, expected.h, "h");
  ExpectEqual(made.delta, expected.delta, "delta");
  ExpectEqual(made.g, expected.g, "g");
}

TEST_F(JointDenseBf16Test, EveryShapeIsExactOnWholeNumbers) {
  device::ComputePool pool(2);
  for (int64_t size = 1; size <= 60; ++size) {
    ExpectPlain({size, 11, 13, true}, pool);
    ExpectPlain({37, size, 12, true}, pool);
    ExpectPlain({38, 19, size, true}, pool);
  }
  ExpectPlain({1301, 70, 50, true}, pool);
  ExpectPlain({70, 1101, 39, true}, pool);
  ExpectPlain({131, 20, 1401, true}, pool);
}

// A hundredth of what bfloat16 may be off: the factors are rounded and nothing else is.
TEST_F(JointDenseBf16Test, OthersAreProductsOfRoundedFactors) {
  device::ComputePool pool(2);
  Problem p(301, 43, 57);
  const Products made = Compute(p, pool);
  for (Values* values : {&p.x, &p.d, &p.w}) *values = AsBf16(*values);
  const Products expected = Plain(p);
  ExpectNear(made.h, expected.h, 1e-4, "h");
  ExpectNear(made.delta, expected.delta, 1e-4, "delta");
  ExpectNear(made.g, expected.g, 1e-4, "g");
}

TEST_F(JointDenseBf16Test, AnyThreadsGiveTheSameBits) {
  device::ComputePool one(1), three(3);
  const Problem p(1301, 70, 85);
  EXPECT_TRUE(Compute(p, one) == Compute(p, three));
}

TEST_F(JointDenseBf16Test, ARowDoesNotDependOnTheOthers) {
  device::ComputePool pool(2);
  const Problem p(701, 31, 67);
  const Products all = Compute(p, pool);
  for (int64_t r = 0; r < p.rows; ++r) {
    const auto row = [r](const Values& of, int64_t size) {
      return Values(of.begin() + r * size, of.begin() + (r + 1) * size);
    };
    Problem alone(p.inputs, p.units, 1);
    alone.x = row(p.x, p.inputs);
    alone.d = row(p.d, p.units);
    const Products made = Compute(alone, pool);
    ASSERT_EQ(made.h, row(all.h, p.units));
    ASSERT_EQ(made.delta, row(all.delta, p.inputs));
  }
}

// The nodes of two ranks, which own half of the slices each, add up to that of one.
TEST_F(JointDenseBf16Test, AnyDealOfSlicesGivesTheSameBits) {
  device::ComputePool pool(2);
  const Problem p(61, 21, 85);
  const Values whole = Nodes(p, {0, 8}, pool)[0];
  Values sum = Nodes(p, {0, 4}, pool)[0];
  const Values upper = Nodes(p, {4, 8}, pool)[0];
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += upper[i];
  EXPECT_EQ(sum, whole);
  const std::vector<Values> parts = Nodes(p, {2, 5}, pool);  // nodes {2, 3} and {4}
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1], Nodes(p, {4, 5}, pool)[0]);
}

}  // namespace
}  // namespace hebb::nn
