// SPDX-License-Identifier: Apache-2.0
// The three products of the untied layers of paper.md 4 on all rows of a rank, beside what the
// machine gives: how fast a core sums up, fills and copies a buffer, and how many multiplications
// and additions it fuses.
//
// One line per layer, number of rows (50 in 8 slices on 1, 2, 4 and 8 ranks) and threads:
// milliseconds (median), GB/s of the layer's matrix (4 bytes a connection, once), GFLOP/s (2 per
// connection and row) and their share of what the threads can do.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "bench/machine.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/nn/joint_untied_kernels.h"
#include "worker/nn/untied_layer.h"
#include "worker/slices/fold.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hebb::nn {
namespace {

constexpr int kSlices = 8;
constexpr int64_t kBatch = 50;

struct Network {
  const char* name;
  ConvShape shape;
};

const Network kNetworks[] = {
    {"simple 5x5 3-32@32", {{3, 32, 32}, {32, 32, 32}, 5, 2, 2, 1}},
    {"C 5x5 3-16@32", {{3, 32, 32}, {16, 32, 32}, 5, 2, 2, 1}},
    {"B 3x3 16-16@32", {{16, 32, 32}, {16, 32, 32}, 3, 1, 1, 1}},
    {"C 3x3 16-64@11", {{16, 11, 11}, {64, 11, 11}, 3, 1, 1, 1}},
    {"C 3x3 64-64@11", {{64, 11, 11}, {64, 11, 11}, 3, 1, 1, 1}},
    {"C 2x2 64-64@6", {{64, 6, 6}, {64, 6, 6}, 2, 0, 1, 1}},
};

double MedianMs(const std::function<void()>& work) { return 1e3 * bench::MedianSeconds(15, work); }

// Of buffers that fit no cache, and of some that fit the last one.
void PrintMemory() {
  for (const size_t bytes : {size_t{256} << 20, size_t{16} << 20, size_t{4} << 20}) {
    const bench::MemoryRates rates = bench::MeasureMemory(/*threads=*/1, bytes, /*rounds=*/15);
    std::printf("%4zu MB: read %5.1f GB/s, fill %5.1f GB/s, copy %5.1f GB/s\n", bytes >> 20,
                1e-9 * rates.read, 1e-9 * rates.fill, 1e-9 * rates.copy);
  }
}

#if defined(__x86_64__)
// 16 sums that do not wait for each other, `steps` times; returns how many operations that is.
[[gnu::target("avx512f")]] double FuseAvx512(int64_t steps, float* out) {
  __m512 sums[16] = {};
  const __m512 a = _mm512_set1_ps(out[0]), b = _mm512_set1_ps(out[1]);
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) {
      sums[j] = _mm512_fmadd_ps(a, b, sums[j]);
      asm volatile("" : "+v"(sums[j]));
    }
  }
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) _mm512_storeu_ps(out + 2, sums[j]);
  return static_cast<double>(steps) * 16 * 16 * 2;
}

// GFLOP/s of one core; 0 where it is not known.
double MeasurePeak() {
  if (!__builtin_cpu_supports("avx512f")) return 0.0;
  float out[18] = {0.5f, 0.25f};
  double operations = 0.0;
  const double ms = MedianMs([&] { operations = FuseAvx512(1 << 20, out); });
  return 1e-6 * operations / ms;
}
#else
double MeasurePeak() { return 0.0; }
#endif

struct Run {
  int64_t rows = 0;
  int threads = 1;
  double connections = 0.0;
  double peak = 0.0;  // of one thread

  void Print(const char* product, double ms) const {
    const double gflops = 2e-6 * connections * static_cast<double>(rows) / ms;
    const double share = peak > 0.0 ? 100.0 * gflops / (peak * threads) : 0.0;
    std::printf(" | %s %6.3f ms %5.1f GB/s %5.1f GF %3.0f %%", product, ms, 4e-6 * connections / ms,
                gflops, share);
  }
};

void Measure(const Network& network, int ranks, int threads, double peak) {
  const slices::SliceRange owned = slices::SlicesOfRank(kSlices, 0, ranks);
  std::vector<int64_t> offsets;
  for (int slice = owned.begin; slice <= owned.end; ++slice) {
    offsets.push_back(kBatch * slice / kSlices);
  }
  const int64_t rows = offsets.back();
  const ConvShape& shape = network.shape;
  const slices::Fold fold = slices::Fold::OfRank(kSlices, owned);
  device::ComputePool pool(threads);
  const auto kernels = JointUntiedKernels::Create(shape, threads);
  kernels->PrepareRows(rows);
  device::FloatBuffer w(UntiedSize(shape)), g(UntiedSize(shape)), x(rows * shape.input.size()),
      h(rows * shape.output.size()), delta(rows * shape.input.size());
  float* const nodes[] = {g.data()};
  std::fill_n(w.data(), w.size(), 0.01f);
  std::fill_n(x.data(), x.size(), 1.0f);
  const Run run = {rows, threads, static_cast<double>(UntiedSize(shape)), peak};
  std::printf("%-18s %2d x %d", network.name, static_cast<int>(rows), threads);
  run.Print("W x",
            MedianMs([&] { kernels->Forward(rows, x.data(), w.data(), nullptr, h.data(), pool); }));
  run.Print("B^T d",
            MedianMs([&] { kernels->BackwardData(rows, h.data(), w.data(), delta.data(), pool); }));
  run.Print("d x^T", MedianMs([&] {
              kernels->BackwardWeights({rows, offsets}, x.data(), h.data(), fold, nodes, pool);
            }));
  std::printf("\n");
}

int Main() {
  PrintMemory();
  const double peak = MeasurePeak();
  std::printf("multiply-add: %5.1f GFLOP/s a core\n", peak);
  for (const int ranks : {1, 2, 4, 8}) {
    for (const int threads : {1, 2}) {
      for (const Network& network : kNetworks) Measure(network, ranks, threads, peak);
    }
  }
  return 0;
}

}  // namespace
}  // namespace hebb::nn

int main() { return hebb::nn::Main(); }
