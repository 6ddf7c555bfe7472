// SPDX-License-Identifier: Apache-2.0
// The three products bit by bit against plain std::fma loops in the promised order, for strides,
// paddings and odd sizes, any number of rows, of threads and any width of registers; and that
// prepared kernels allocate nothing.
#include "worker/nn/joint_untied_kernels.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/testing/count_allocations.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/cpu_features.h"
#include "worker/nn/joint_untied_tiles.h"
#include "worker/nn/untied_layer.h"

namespace hebb::nn {
namespace {

const float kPoison = std::numeric_limits<float>::quiet_NaN();

struct Case {
  const char* name;
  ConvShape shape;  // input channels, height, width; output likewise; kernel, pads, stride
};

const Case kCases[] = {
    {"same5x5", {{3, 9, 9}, {32, 9, 9}, 5, 2, 2, 1}},
    {"same3x3", {{16, 7, 7}, {64, 7, 7}, 3, 1, 1, 1}},
    {"manyChannels", {{64, 4, 5}, {64, 4, 5}, 3, 1, 1, 1}},
    {"evenKernel", {{8, 6, 6}, {16, 6, 6}, 2, 0, 1, 1}},
    {"valid", {{5, 8, 8}, {24, 6, 6}, 3, 0, 0, 1}},
    {"strideTwo", {{4, 9, 9}, {12, 5, 5}, 3, 1, 1, 2}},
    {"symmetricEven", {{2, 6, 6}, {20, 4, 4}, 4, 2, 1, 2}},
    {"strideBeyondKernel", {{3, 10, 10}, {7, 4, 4}, 1, 0, 0, 3}},
    {"onePixel", {{1, 1, 1}, {1, 1, 1}, 1, 0, 0, 1}},
    {"oddRectangle", {{17, 5, 7}, {93, 5, 7}, 3, 1, 1, 1}},
    {"manyFilters", {{6, 5, 5}, {150, 5, 5}, 3, 1, 1, 1}},
    {"kernelOverImage", {{2, 3, 3}, {5, 3, 3}, 5, 2, 2, 1}},
};

// Numbers of either sign with all bits of a float in use, and zeros of both signs among them.
std::vector<float> Numbers(int64_t size, int seed) {
  std::vector<float> numbers(size);
  for (int64_t i = 0; i < size; ++i) {
    numbers[i] = static_cast<float>(std::sin(1.7 * static_cast<double>(i) + seed));
    if (i % 11 == seed) numbers[i] = i % 2 == 0 ? 0.0f : -0.0f;
  }
  return numbers;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// One layer's numbers, and what the products are, by plain loops.
struct Problem {
  Problem(const ConvShape& s, int64_t some_rows)
      : shape(s),
        rows(some_rows),
        in(shape.input.size()),
        out(shape.output.size()),
        x(Numbers(rows * in, 1)),
        d(Numbers(rows * out, 2)),
        bias(Numbers(out, 3)),
        w(Numbers(UntiedSize(shape), 4)) {}

  // Calls visit(index into a row of x, into a row of h, into W), in the order of W.
  template <typename Visit>
  void ForEachConnection(const Visit& visit) const {
    const spec::Shape &from = shape.input, &to = shape.output;
    int64_t index = 0;
    for (int64_t p = 0; p < to.height * to.width; ++p) {
      for (int64_t tap = 0; tap < shape.kernel * shape.kernel; ++tap) {
        const int64_t y = p / to.width * shape.stride + tap / shape.kernel - shape.pad_before;
        const int64_t z = p % to.width * shape.stride + tap % shape.kernel - shape.pad_before;
        if (y < 0 || y >= from.height || z < 0 || z >= from.width) continue;
        for (int64_t c = 0; c < from.channels; ++c) {
          for (int64_t o = 0; o < to.channels; ++o) {
            visit((y * from.width + z) * from.channels + c, p * to.channels + o, index++);
          }
        }
      }
    }
  }

  std::vector<float> Forward(bool biased) const {
    std::vector<float> h(rows * out);
    for (int64_t r = 0; r < rows; ++r) {
      float* to = h.data() + r * out;
      if (biased) std::copy(bias.begin(), bias.end(), to);
      ForEachConnection([&](int64_t i, int64_t o, int64_t index) {
        to[o] = std::fma(w[index], x[r * in + i], to[o]);
      });
    }
    return h;
  }

  std::vector<float> BackwardData() const {
    std::vector<float> delta(rows * in);
    for (int64_t r = 0; r < rows; ++r) {
      ForEachConnection([&](int64_t i, int64_t o, int64_t index) {
        delta[r * in + i] = std::fma(w[index], d[r * out + o], delta[r * in + i]);
      });
    }
    return delta;
  }

  std::vector<float> Part(int64_t begin, int64_t end) const {
    std::vector<float> part(w.size());
    for (int64_t r = begin; r < end; ++r) {
      ForEachConnection([&](int64_t i, int64_t o, int64_t index) {
        part[index] = std::fma(d[r * out + o], x[r * in + i], part[index]);
      });
    }
    return part;
  }

  std::vector<std::vector<float>> BackwardWeights(const std::vector<int64_t>& offsets,
                                                  const slices::Fold& fold) const {
    std::vector<std::vector<float>> stack, nodes(fold.roots());
    for (int i = 0; i < fold.inputs(); ++i) {
      stack.push_back(Part(offsets[i], offsets[i + 1]));
      for (int merge = 0; merge < fold.merges(i); ++merge) {
        const std::vector<float> upper = std::move(stack.back());
        stack.pop_back();
        for (size_t j = 0; j < upper.size(); ++j) stack.back()[j] += upper[j];
      }
      if (fold.root(i) < 0) continue;
      nodes[fold.root(i)] = std::move(stack.back());
      stack.pop_back();
    }
    return nodes;
  }

  ConvShape shape;
  int64_t rows, in, out;
  std::vector<float> x, d, bias, w;
};

// Kernels and the threads that they work on.
struct Machine {
  Machine(const Problem& p, int threads, const JointUntiedTiles* tiles = nullptr)
      : pool(threads),
        kernels(tiles == nullptr ? JointUntiedKernels::Create(p.shape, threads)
                                 : JointUntiedKernels::Create(p.shape, threads, *tiles)) {
    kernels->PrepareRows(p.rows);
  }

  std::vector<float> Forward(const Problem& p, bool biased) {
    std::vector<float> h(p.rows * p.out, kPoison);
    kernels->Forward(p.rows, p.x.data(), p.w.data(), biased ? p.bias.data() : nullptr, h.data(),
                     pool);
    return h;
  }

  std::vector<float> BackwardData(const Problem& p) {
    std::vector<float> delta(p.rows * p.in, kPoison);
    kernels->BackwardData(p.rows, p.d.data(), p.w.data(), delta.data(), pool);
    return delta;
  }

  std::vector<std::vector<float>> BackwardWeights(const Problem& p,
                                                  const std::vector<int64_t>& offsets,
                                                  const slices::Fold& fold) {
    std::vector<std::vector<float>> nodes(fold.roots(), std::vector<float>(p.w.size(), kPoison));
    std::vector<float*> pointers;
    for (std::vector<float>& node : nodes) pointers.push_back(node.data());
    kernels->BackwardWeights({p.rows, offsets}, p.x.data(), p.d.data(), fold, pointers, pool);
    return nodes;
  }

  device::ComputePool pool;
  std::unique_ptr<JointUntiedKernels> kernels;
};

void ExpectForwardAndDelta(const Problem& p, Machine& machine) {
  EXPECT_TRUE(SameBits(machine.Forward(p, true), p.Forward(true)));
  EXPECT_TRUE(SameBits(machine.Forward(p, false), p.Forward(false)));
  EXPECT_TRUE(SameBits(machine.BackwardData(p), p.BackwardData()));
}

void ExpectFold(const Problem& p, Machine& machine, const std::vector<int64_t>& offsets,
                const slices::Fold& fold) {
  const auto actual = machine.BackwardWeights(p, offsets, fold);
  const auto expected = p.BackwardWeights(offsets, fold);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_TRUE(SameBits(actual[i], expected[i])) << i;
}

// All tiles that this machine can run.
std::vector<const JointUntiedTiles*> Tiles() {
  std::vector<const JointUntiedTiles*> tiles = {&kJointUntiedTilesBase};
#if defined(__x86_64__)
  if (device::CpuHasAvx2()) tiles.push_back(&kJointUntiedTilesAvx2);
  if (device::CpuHasAvx512()) tiles.push_back(&kJointUntiedTilesAvx512);
#endif
  return tiles;
}

// `rows` over `slices` slices as a batch is cut.
std::vector<int64_t> Offsets(int64_t rows, int slices) {
  std::vector<int64_t> offsets;
  for (int i = 0; i <= slices; ++i) offsets.push_back(rows * i / slices);
  return offsets;
}

class JointUntiedKernelsTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Shapes, JointUntiedKernelsTest, testing::ValuesIn(kCases),
                         [](const auto& c) { return std::string(c.param.name); });

// And so does any number of threads.
TEST_P(JointUntiedKernelsTest, EveryWidthOfRegistersGivesTheBitsOfThePlainLoops) {
  const Problem p(GetParam().shape, 9);
  const slices::Fold fold = slices::Fold::OfRank(4, {0, 4});
  for (const JointUntiedTiles* tiles : Tiles()) {
    for (int threads = 1; threads <= 3; ++threads) {
      SCOPED_TRACE(testing::Message() << tiles->name << ", threads: " << threads);
      Machine machine(p, threads, tiles);
      ExpectForwardAndDelta(p, machine);
      ExpectFold(p, machine, Offsets(9, 4), fold);
    }
  }
}

TEST(JointUntiedKernelsRowsTest, AnyNumberOfRowsGivesTheBitsOfThePlainLoops) {
  const slices::Fold fold = slices::Fold::OfRank(8, {0, 8});
  for (const ConvShape& shape : {ConvShape{{3, 4, 4}, {20, 4, 4}, 3, 1, 1, 1},
                                 ConvShape{{2, 3, 3}, {33, 3, 3}, 2, 0, 1, 1}}) {
    Machine machine(Problem(shape, 70), 2);
    for (int64_t rows = 0; rows <= 70; ++rows) {
      SCOPED_TRACE(rows);
      const Problem p(shape, rows);
      ExpectForwardAndDelta(p, machine);
      ExpectFold(p, machine, Offsets(rows, 8), fold);
    }
  }
}

TEST(JointUntiedKernelsRowsTest, ARowDoesNotDependOnTheOthers) {
  const ConvShape shape = kCases[0].shape;
  const Problem p(shape, 15);
  Machine machine(p, 2);
  const std::vector<float> h = machine.Forward(p, true), delta = machine.BackwardData(p);
  for (int64_t r = 0; r < p.rows; ++r) {
    Problem alone(shape, 1);
    std::copy_n(p.x.begin() + r * p.in, p.in, alone.x.begin());
    std::copy_n(p.d.begin() + r * p.out, p.out, alone.d.begin());
    const std::vector<float> one_h = machine.Forward(alone, true);
    const std::vector<float> one = machine.BackwardData(alone);
    ASSERT_EQ(std::memcmp(one_h.data(), h.data() + r * p.out, p.out * sizeof(float)), 0) << r;
    ASSERT_EQ(std::memcmp(one.data(), delta.data() + r * p.in, p.in * sizeof(float)), 0) << r;
  }
}

// What is not finite stays in its own row and its own inputs.
TEST(JointUntiedKernelsRowsTest, InfinitiesReachOnlyWhatSeesThem) {
  Problem p(kCases[0].shape, 6);
  p.d[2 * p.out + 40 * 32] = std::numeric_limits<float>::infinity();  // of the place in the middle
  Machine machine(p, 1);
  const std::vector<float> delta = machine.BackwardData(p), expected = p.BackwardData();
  for (size_t i = 0; i < delta.size(); ++i) {
    ASSERT_EQ(std::isfinite(delta[i]), std::isfinite(expected[i])) << i;
  }
}

TEST(JointUntiedKernelsFoldTest, EveryRanksNodesAndEmptySlices) {
  const ConvShape shape = {{3, 5, 5}, {16, 5, 5}, 3, 1, 1, 1};
  const std::vector<int64_t> sizes = {0, 3, 1, 0, 0, 7, 2, 0};
  for (int begin = 0; begin < 8; ++begin) {
    for (int end = begin + 1; end <= 8; ++end) {
      SCOPED_TRACE(testing::Message() << begin << " to " << end);
      std::vector<int64_t> offsets = {0};
      for (int slice = begin; slice < end; ++slice)
        offsets.push_back(offsets.back() + sizes[slice]);
      const Problem p(shape, offsets.back());
      Machine machine(p, 2);
      ExpectFold(p, machine, offsets, slices::Fold::OfRank(8, {begin, end}));
    }
  }
}

// So large a G is written past the caches where it is aligned, and as ever where it is not.
TEST(JointUntiedKernelsFoldTest, LargeUpdatesOnAnyAlignment) {
  const Problem p({{16, 32, 32}, {32, 32, 32}, 3, 1, 1, 1}, 3);
  const slices::Fold fold = slices::Fold::OfRank(2, {0, 2});
  const std::vector<int64_t> offsets = {0, 2, 3};
  const std::vector<float> expected = p.BackwardWeights(offsets, fold).front();
  for (const JointUntiedTiles* tiles : Tiles()) {
    Machine machine(p, 2, tiles);
    for (int64_t shift : {0, 1}) {
      device::FloatBuffer g(UntiedSize(p.shape) + shift);
      float* const nodes[] = {g.data() + shift};
      machine.kernels->BackwardWeights({p.rows, offsets}, p.x.data(), p.d.data(), fold, nodes,
                                       machine.pool);
      EXPECT_TRUE(SameBits({nodes[0], nodes[0] + expected.size()}, expected)) << tiles->name;
    }
  }
}

TEST(JointUntiedKernelsMemoryTest, PreparedKernelsAllocateNothing) {
  const Problem p(kCases[0].shape, 20);
  Machine machine(p, 2);
  const std::vector<int64_t> offsets = Offsets(20, 8);
  const slices::Fold fold = slices::Fold::OfRank(8, {0, 8});
  std::vector<float> h(p.rows * p.out), delta(p.rows * p.in), g(p.w.size());
  float* const nodes[] = {g.data()};
  const auto step = [&] {
    machine.kernels->PrepareRows(p.rows);
    machine.kernels->Forward(p.rows, p.x.data(), p.w.data(), p.bias.data(), h.data(), machine.pool);
    machine.kernels->BackwardData(p.rows, p.d.data(), p.w.data(), delta.data(), machine.pool);
    machine.kernels->BackwardWeights({p.rows, offsets}, p.x.data(), p.d.data(), fold, nodes,
                                     machine.pool);
  };
  // A thread makes its one record of a lock when it first waits for one: all have, after some
  // steps.
  for (int i = 0; i < 30; ++i) step();
  StartCountingAllocations();
  step();
  EXPECT_EQ(StopCountingAllocations().count, 0);
}

}  // namespace
}  // namespace hebb::nn
