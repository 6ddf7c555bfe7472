// SPDX-License-Identifier: Apache-2.0
// The three products bit by bit against plain loops of std::fma and of the fold, for odd shapes,
// empty slices, several folds, all widths of registers and numbers of threads; and the promise
// that no buffer is allocated once rows are prepared, malloc being counted.
#include "worker/nn/joint_dense_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing/count_allocations.h"
#include "worker/device/cpu_features.h"
#include "worker/nn/joint_dense_tiles.h"

namespace hebb::nn {
namespace {

using Floats = std::vector<float>;

const float kPoison = std::numeric_limits<float>::quiet_NaN();

Floats Numbers(int64_t size, int seed) {
  Floats numbers(size);
  for (int64_t i = 0; i < size; ++i) {
    numbers[i] = static_cast<float>(std::sin(1.7 * static_cast<double>(i) + seed));
  }
  return numbers;
}

// Slices of different sizes, the second and every fifth empty.
std::vector<int64_t> Offsets(int64_t rows, int slices) {
  std::vector<int64_t> offsets = {0};
  for (int i = 1; i <= slices; ++i) {
    const bool empty = i % 5 == 2;
    offsets.push_back(i == slices ? rows : empty ? offsets.back() : i * rows / slices);
  }
  return offsets;
}

struct Problem {
  Problem(int64_t in, int64_t out, int64_t samples, int leaves = 8,
          slices::SliceRange owned = {0, 8})
      : inputs(in),
        units(out),
        rows(samples),
        fold(slices::Fold::OfRank(leaves, owned)),
        offsets(Offsets(rows, owned.size())),
        x(Numbers(rows * inputs, 1)),
        d(Numbers(rows * units, 2)),
        w(Numbers(units * inputs, 3)),
        bias(Numbers(units, 4)) {}

  std::string Name() const {
    return std::to_string(inputs) + "-" + std::to_string(units) + " rows " + std::to_string(rows) +
           " slices " + std::to_string(fold.inputs());
  }

  int64_t inputs, units, rows;
  slices::Fold fold;
  std::vector<int64_t> offsets;
  Floats x, d, w, bias;
};

struct Products {
  Floats biased, h, delta;
  std::vector<Floats> nodes;
};

Floats PlainForward(const Problem& p, bool biased) {
  Floats h(p.rows * p.units);
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t u = 0; u < p.units; ++u) {
      float sum = biased ? p.bias[u] : 0.0f;
      for (int64_t i = 0; i < p.inputs; ++i) {
        sum = std::fma(p.x[r * p.inputs + i], p.w[u * p.inputs + i], sum);
      }
      h[r * p.units + u] = sum;
    }
  }
  return h;
}

Floats PlainBackwardData(const Problem& p) {
  Floats delta(p.rows * p.inputs);
  for (int64_t r = 0; r < p.rows; ++r) {
    for (int64_t u = 0; u < p.units; ++u) {
      for (int64_t i = 0; i < p.inputs; ++i) {
        float& sum = delta[r * p.inputs + i];
        sum = std::fma(p.d[r * p.units + u], p.w[u * p.inputs + i], sum);
      }
    }
  }
  return delta;
}

Floats PlainPart(const Problem& p, int slice) {
  Floats part(p.units * p.inputs);
  for (int64_t r = p.offsets[slice]; r < p.offsets[slice + 1]; ++r) {
    for (int64_t u = 0; u < p.units; ++u) {
      for (int64_t i = 0; i < p.inputs; ++i) {
        float& sum = part[u * p.inputs + i];
        sum = std::fma(p.d[r * p.units + u], p.x[r * p.inputs + i], sum);
      }
    }
  }
  return part;
}

std::vector<Floats> PlainBackwardWeights(const Problem& p) {
  std::vector<Floats> stack, nodes;
  for (int slice = 0; slice < p.fold.inputs(); ++slice) {
    stack.push_back(PlainPart(p, slice));
    for (int n = 0; n < p.fold.merges(slice); ++n) {
      const Floats upper = stack.back();
      stack.pop_back();
      for (size_t i = 0; i < upper.size(); ++i) stack.back()[i] = stack.back()[i] + upper[i];
    }
    if (p.fold.root(slice) < 0) continue;
    nodes.push_back(stack.back());
    stack.pop_back();
  }
  return nodes;
}

Products Plain(const Problem& p) {
  return {PlainForward(p, true), PlainForward(p, false), PlainBackwardData(p),
          PlainBackwardWeights(p)};
}

Products Compute(const Problem& p, JointDenseKernels& kernels, device::ComputePool& pool) {
  Products made = {Floats(p.rows * p.units, kPoison), Floats(p.rows * p.units, kPoison),
                   Floats(p.rows * p.inputs, kPoison),
                   std::vector<Floats>(p.fold.roots(), Floats(p.w.size(), kPoison))};
  std::vector<float*> nodes;
  for (Floats& node : made.nodes) nodes.push_back(node.data());
  kernels.PrepareRows(p.rows);
  StartCountingAllocations();
  kernels.Forward(p.rows, p.x.data(), p.w.data(), p.bias.data(), made.biased.data(), pool);
  kernels.Forward(p.rows, p.x.data(), p.w.data(), nullptr, made.h.data(), pool);
  kernels.BackwardData(p.rows, p.d.data(), p.w.data(), made.delta.data(), pool);
  kernels.BackwardWeights({p.rows, p.offsets}, p.x.data(), p.d.data(), p.fold, nodes, pool);
  EXPECT_EQ(StopCountingAllocations().buffers, 0);
  return made;
}

bool SameBits(const Floats& a, const Floats& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void ExpectSame(const Products& made, const Products& expected) {
  EXPECT_TRUE(SameBits(made.biased, expected.biased));
  EXPECT_TRUE(SameBits(made.h, expected.h));
  EXPECT_TRUE(SameBits(made.delta, expected.delta));
  ASSERT_EQ(made.nodes.size(), expected.nodes.size());
  for (size_t i = 0; i < made.nodes.size(); ++i) {
    EXPECT_TRUE(SameBits(made.nodes[i], expected.nodes[i])) << "node " << i;
  }
}

// All tiles that this machine can run, and by null those that it chooses.
std::vector<const DenseTiles*> Tiles() {
  std::vector<const DenseTiles*> tiles = {nullptr, &kDenseTilesBase};
#if defined(__x86_64__)
  if (device::CpuHasAvx2()) tiles.push_back(&kDenseTilesAvx2);
  if (device::CpuHasAvx512()) tiles.push_back(&kDenseTilesAvx512);
#endif
  return tiles;
}

void ExpectPlain(const Problem& p, device::ComputePool& pool) {
  SCOPED_TRACE(p.Name());
  const Products expected = Plain(p);
  for (const DenseTiles* tiles : Tiles()) {
    SCOPED_TRACE(tiles == nullptr ? "default" : tiles->name);
    const auto kernels = tiles == nullptr
                             ? JointDenseKernels::Create(p.inputs, p.units, pool.size())
                             : JointDenseKernels::Create(p.inputs, p.units, pool.size(), *tiles);
    ExpectSame(Compute(p, *kernels, pool), expected);
  }
}

TEST(JointDenseKernelsTest, EveryNumberOfInputs) {
  device::ComputePool pool(2);
  for (int64_t inputs = 1; inputs <= 70; ++inputs) ExpectPlain({inputs, 11, 13}, pool);
  for (int64_t inputs : {95, 96, 97, 143, 144, 145, 300}) ExpectPlain({inputs, 9, 17}, pool);
}

TEST(JointDenseKernelsTest, EveryNumberOfUnits) {
  device::ComputePool pool(3);
  for (int64_t units = 1; units <= 37; ++units) ExpectPlain({53, units, 12}, pool);
}

TEST(JointDenseKernelsTest, EveryNumberOfRows) {
  device::ComputePool pool(1);
  for (int64_t rows = 0; rows <= 70; ++rows) ExpectPlain({37, 19, rows}, pool);
  for (int64_t rows : {96, 97, 150}) ExpectPlain({50, 10, rows}, pool);
}

// More inputs and units than are taken at a time, in one panel of rows and in several; enough work
// for the pool's threads to share it.
TEST(JointDenseKernelsTest, ManyBlocks) {
  for (int threads = 1; threads <= 3; ++threads) {
    device::ComputePool pool(threads);
    ExpectPlain({1300, 70, 50}, pool);
    ExpectPlain({70, 1100, 39}, pool);
    ExpectPlain({17000, 9, 14}, pool);
    ExpectPlain({130, 20, 1400}, pool);
  }
}

TEST(JointDenseKernelsTest, EveryPartOfTheTree) {
  device::ComputePool pool(2);
  for (int begin = 0; begin < 8; ++begin) {
    for (int end = begin + 1; end <= 8; ++end) {
      ExpectPlain({61, 21, 40, 8, {begin, end}}, pool);
    }
  }
  ExpectPlain({61, 21, 40, 7, {1, 6}}, pool);
  ExpectPlain({61, 21, 3, 100, {3, 98}}, pool);
}

TEST(JointDenseKernelsTest, ARowDoesNotDependOnTheOthers) {
  device::ComputePool pool(2);
  const Problem p(700, 30, 67);
  const auto kernels = JointDenseKernels::Create(p.inputs, p.units, pool.size());
  const Products all = Compute(p, *kernels, pool);
  for (int64_t r = 0; r < p.rows; ++r) {
    Problem alone(p.inputs, p.units, 1);
    alone.x.assign(p.x.begin() + r * p.inputs, p.x.begin() + (r + 1) * p.inputs);
    alone.d.assign(p.d.begin() + r * p.units, p.d.begin() + (r + 1) * p.units);
    const Products one = Compute(alone, *kernels, pool);
    ASSERT_EQ(std::memcmp(one.biased.data(), all.biased.data() + r * p.units, 4 * p.units), 0);
    ASSERT_EQ(std::memcmp(one.delta.data(), all.delta.data() + r * p.inputs, 4 * p.inputs), 0);
  }
}

}  // namespace
}  // namespace hebb::nn
