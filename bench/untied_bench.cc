// SPDX-License-Identifier: Apache-2.0
// The three products of the untied layers of paper.md 4 on one thread, beside what the machine's
// memory gives: how fast a buffer that fits no cache is summed up, filled and copied.
//
// One line per layer, number of rows and width of registers: milliseconds (median), GB/s of the
// layer's matrix (4 bytes a connection, once) and GFLOP/s (2 per connection and row).
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

#include "absl/time/clock.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/simd.h"
#include "worker/nn/untied_kernels.h"
#include "worker/nn/untied_layer.h"
#include "worker/nn/untied_tiles.h"

namespace hebb::nn {
namespace {

constexpr int64_t kRows[] = {6, 13, 50};

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

double MedianMs(const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i <= 15; ++i) {
    const absl::Time begin = absl::Now();
    work();
    if (i > 0) times.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
  }
  std::nth_element(times.begin(), times.begin() + 7, times.end());
  return times[7];
}

HEBB_SIMD void Touch(int64_t size, const float* from, float* lanes) {
  for (int64_t i = 0; i < size; i += 64) {
    for (int64_t j = 0; j < 64; ++j) lanes[j] += from[i + j];
  }
}

// Of buffers that fit no cache, and of some that fit the last one.
void MeasureMemory() {
  for (const int64_t floats : {int64_t{64} << 20, int64_t{4} << 20, int64_t{1} << 20}) {
    device::FloatBuffer a(floats), b(floats), lanes(64);
    const double bytes = 4e-6 * static_cast<double>(floats);
    const double read = MedianMs([&] { Touch(floats, a.data(), lanes.data()); });
    const double fill = MedianMs([&] { std::memset(a.data(), 1, floats * sizeof(float)); });
    const double copy = MedianMs([&] { std::memcpy(b.data(), a.data(), floats * sizeof(float)); });
    std::printf("%4.0f MB: read %5.1f GB/s, fill %5.1f GB/s, copy %5.1f GB/s\n", bytes,
                bytes / read, bytes / fill, bytes / copy);
  }
}

void Print(const char* product, double connections, double rows, double ms) {
  std::printf("  %s %7.3f ms %5.1f GB/s %6.1f GF", product, ms, 4e-6 * connections / ms,
              2e-6 * connections * rows / ms);
}

void Measure(const Network& network, int64_t rows, const UntiedTiles& tiles) {
  const ConvShape& shape = network.shape;
  const auto connections = static_cast<double>(UntiedSize(shape));
  const auto kernels = UntiedKernels::Create(shape, tiles);
  kernels->PrepareRows(rows);
  device::FloatBuffer w(UntiedSize(shape)), g(UntiedSize(shape)), x(rows * shape.input.size()),
      h(rows * shape.output.size()), delta(rows * shape.input.size());
  std::fill_n(w.data(), w.size(), 0.01f);
  std::fill_n(x.data(), x.size(), 1.0f);
  std::printf("%-19s %-6s %3d", network.name, tiles.name, static_cast<int>(rows));
  Print("W x", connections, rows,
        MedianMs([&] { kernels->Forward(rows, x.data(), w.data(), nullptr, h.data()); }));
  Print("B^T d", connections, rows,
        MedianMs([&] { kernels->BackwardData(rows, h.data(), w.data(), delta.data()); }));
  Print("d x^T", connections, rows,
        MedianMs([&] { kernels->BackwardWeights(rows, x.data(), h.data(), g.data()); }));
  std::printf("\n");
}

int Main() {
  std::vector<const UntiedTiles*> tiles;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) tiles.push_back(&kUntiedTilesAvx512);
  if (__builtin_cpu_supports("fma")) tiles.push_back(&kUntiedTilesAvx2);
#else
  tiles.push_back(&kUntiedTilesBase);
#endif
  MeasureMemory();
  for (const UntiedTiles* some : tiles) {
    for (const int64_t rows : kRows) {
      for (const Network& network : kNetworks) Measure(network, rows, *some);
    }
  }
  return 0;
}

}  // namespace
}  // namespace hebb::nn

int main() { return hebb::nn::Main(); }
