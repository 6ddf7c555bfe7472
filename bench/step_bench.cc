// SPDX-License-Identifier: Apache-2.0
// Images per second of training steps on one engine, random images, no communication:
//   step_bench [threads=2] [steps=8] [batch=500] [slices=8] [networks...]
// "floor" is the time the step's products alone would take at the rate measured for one square
// product a thread, so that other machines and busy ones can be compared.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/networks.h"
#include "worker/device/aligned_buffer.h"
#include "worker/device/compute_pool.h"
#include "worker/engine/engine.h"
#include "worker/nn/dense_kernels.h"

namespace hebb::bench {
namespace {

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

// Takes slice 0's update for the sum: applying it costs what a real one does.
class FirstLeafSink : public engine::SumSink {
 public:
  explicit FirstLeafSink(std::span<const engine::SumInfo> infos)
      : infos_(infos), sums_(infos.size()) {}

  absl::Status Ready(int sum, std::span<const float* const> leaves) override {
    sums_[sum] = {leaves[0], static_cast<size_t>(infos_[sum].size)};
    return absl::OkStatus();
  }
  absl::StatusOr<std::span<const float>> WaitForSum(int sum) override {
    return sums_[sum];
  }
  std::span<const std::span<const float>> sums() const { return sums_; }

 private:
  std::span<const engine::SumInfo> infos_;
  std::vector<std::span<const float>> sums_;
};

// FLOP/s of 1024^3 products, one on each thread.
double ProductRate(int threads) {
  constexpr int64_t kSize = 1024;
  device::ComputePool pool(threads);
  std::vector<device::FloatBuffer> a, b, c;
  std::vector<std::unique_ptr<nn::DenseKernels>> kernels;
  for (int i = 0; i < threads; ++i) {
    for (auto* matrices : {&a, &b, &c}) matrices->emplace_back(kSize * kSize);
    kernels.push_back(nn::DenseKernels::Create(kSize, kSize));
  }
  double best = 0;
  for (int round = 0; round < 6; ++round) {
    const auto start = std::chrono::steady_clock::now();
    pool.ParallelFor(threads, [&](int i, int) {
      for (int repeat = 0; repeat < 4; ++repeat) {
        if (!kernels[i]->PrepareRows(kSize).ok()) std::abort();
        if (!kernels[i]->Forward(kSize, a[i].data(), b[i].data(), c[i].data()).ok()) std::abort();
      }
    });
    const double flops = 4.0 * threads * 2.0 * kSize * kSize * kSize;
    best = std::max(best, flops / Seconds(start));
  }
  return best;
}

struct Settings {
  int threads = 2;
  int steps = 8;
  int64_t batch = 500;
  int slices = 8;
};

int Measure(const std::string& name, const Settings& settings, double product_rate) {
  const auto job = NetworkNamed(name);
  const auto facts = spec::FactsOfDataset("cifar10");
  if (!job.ok() || !facts.ok()) {
    std::fprintf(stderr, "%s\n", job.status().ToString().c_str());
    return 1;
  }
  std::vector<uint8_t> pixels(settings.batch * facts->image.size());
  std::mt19937 random(1);
  for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(random());
  std::vector<engine::Sample> samples;
  for (int64_t i = 0; i < settings.batch; ++i) {
    samples.push_back({pixels.data() + i * facts->image.size(), static_cast<int32_t>(i % 10), i});
  }
  std::vector<std::span<const engine::Sample>> slices;
  int64_t at = 0;
  for (int s = 0; s < settings.slices; ++s) {
    const int64_t rows =
        settings.batch / settings.slices + (s < settings.batch % settings.slices ? 1 : 0);
    slices.push_back(std::span(samples).subspan(at, rows));
    at += rows;
  }
  engine::EngineOptions options;
  options.job = &*job;
  options.facts = *facts;
  options.threads = settings.threads;
  options.local_slices = settings.slices;
  options.max_slice_rows = static_cast<int64_t>(slices[0].size());
  auto engine = engine::CreateCpuEngine(options);
  if (!engine.ok()) {
    std::fprintf(stderr, "%s\n", engine.status().ToString().c_str());
    return 1;
  }
  FirstLeafSink sink((*engine)->sums());
  std::vector<engine::SliceTotals> totals(settings.slices);
  std::vector<double> times;
  for (int step = 0; step < settings.steps + 2; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const absl::Status status =
        (*engine)->ComputeUpdates({1, step, settings.batch}, slices, sink, totals);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      return 1;
    }
    (*engine)->Apply(context, sink.sums());
    if (step >= 2) times.push_back(Seconds(start));
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  const double flops = FlopsPerImage(*job, *facts) * static_cast<double>(settings.batch);
  std::printf("%-8s %8.1f ms %9.0f images/s (best %.0f) %7.0f GFLOP/s   floor %6.1f ms\n",
              name.c_str(), median * 1e3, settings.batch / median, settings.batch / times[0],
              flops / median / 1e9, flops / product_rate * 1e3);
  return 0;
}

int Main(int argc, char** argv) {
  Settings settings;
  if (argc > 1) settings.threads = std::max(1, std::atoi(argv[1]));
  if (argc > 2) settings.steps = std::max(1, std::atoi(argv[2]));
  if (argc > 3) settings.batch = std::max(1, std::atoi(argv[3]));
  if (argc > 4) settings.slices = std::max(1, std::atoi(argv[4]));
  std::vector<std::string> networks(argv + std::min(argc, 5), argv + argc);
  if (networks.empty()) networks = {"simple", "A", "B", "mlp"};
  const double rate = ProductRate(settings.threads);
  std::printf("%d threads, batch %ld, %d slices, %s, product rate %.0f GFLOP/s\n", settings.threads,
              static_cast<long>(settings.batch), settings.slices, engine::CpuKernelFamily().c_str(),
              rate / 1e9);
  for (const std::string& name : networks) {
    if (Measure(name, settings, rate) != 0) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace hebb::bench

int main(int argc, char** argv) { return hebb::bench::Main(argc, argv); }
