// SPDX-License-Identifier: Apache-2.0
// The three products of the dense layers of paper.md 4 and of an MLP, rows of all slices at once:
//   dense_bench [threads=1] [most rows=500]
// One line per layer, number of rows and slices: for each product milliseconds (median), GFLOP/s,
// their share of the rate of the library's square product, one on each thread in the same run, and
// GB/s of the layer's matrix (4 bytes a weight, once).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "bench/machine.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/nn/joint_dense_kernels.h"

namespace hebb::nn {
namespace {

using device::FloatBuffer;

struct Problem {
  int64_t inputs, units, rows;
  int slices;
};

const Problem kProblems[] = {
    {8192, 500, 500, 8},  {8192, 500, 250, 4}, {8192, 500, 125, 2}, {8192, 500, 63, 1},
    {8192, 500, 50, 8},   {8192, 500, 25, 4},  {8192, 500, 13, 2},  {8192, 500, 6, 1},
    {3072, 1000, 128, 8}, {3072, 1000, 64, 4}, {3072, 1000, 16, 1}, {2048, 500, 500, 8},
    {2048, 500, 250, 4},  {576, 500, 500, 8},  {576, 500, 50, 8},   {500, 10, 500, 8},
    {500, 10, 50, 8},     {1000, 10, 128, 8},
};

double MedianMs(const std::function<void()>& work) { return 1e3 * bench::MedianSeconds(9, work); }

void Measure(const Problem& p, bench::Sgemm& library, device::ComputePool& pool) {
  const auto kernels = JointDenseKernels::Create(p.inputs, p.units, pool.size());
  kernels->PrepareRows(p.rows);
  FloatBuffer w(p.units * p.inputs), x(p.rows * p.inputs), h(p.rows * p.units),
      delta(p.rows * p.inputs), g(p.units * p.inputs);
  std::fill_n(w.data(), w.size(), 0.01f);
  std::fill_n(x.data(), x.size(), 1.0f);
  std::vector<int64_t> offsets;
  for (int i = 0; i <= p.slices; ++i) offsets.push_back(i * p.rows / p.slices);
  const JointRows rows = {p.rows, offsets};
  const auto fold = slices::Fold::OfRank(p.slices, {0, p.slices});
  float* const nodes[] = {g.data()};
  const double rate = 1e-9 * library.Measure();
  const auto weights = static_cast<double>(w.size());
  const auto print = [&](const char* product, double ms) {
    const double gflops = 2e-6 * weights * static_cast<double>(p.rows) / ms;
    std::printf(" | %s %7.3f ms %6.1f GF %3.0f %% %5.1f GB/s", product, ms, gflops,
                100 * gflops / rate, 4e-6 * weights / ms);
  };
  std::printf("%4d-%-4d %3d rows %d slices %d thr %6.1f GF", static_cast<int>(p.inputs),
              static_cast<int>(p.units), static_cast<int>(p.rows), p.slices, pool.size(), rate);
  print("x W^T",
        MedianMs([&] { kernels->Forward(p.rows, x.data(), w.data(), nullptr, h.data(), pool); }));
  print("d B",
        MedianMs([&] { kernels->BackwardData(p.rows, h.data(), w.data(), delta.data(), pool); }));
  print("d^T x",
        MedianMs([&] { kernels->BackwardWeights(rows, x.data(), h.data(), fold, nodes, pool); }));
  std::printf("\n");
}

int Main(int threads, int64_t most_rows) {
  device::ComputePool pool(threads);
  bench::Sgemm library(pool.size());
  for (const Problem& problem : kProblems) {
    if (problem.rows <= most_rows) Measure(problem, library, pool);
  }
  return 0;
}

}  // namespace
}  // namespace hebb::nn

int main(int argc, char** argv) {
  return hebb::nn::Main(argc > 1 ? std::atoi(argv[1]) : 1, argc > 2 ? std::atoi(argv[2]) : 500);
}
