// SPDX-License-Identifier: Apache-2.0
// Prints the cost model's tables for networks of examples/ (docs/performance.md):
//   cost_model [--floor] [--steps N] [NETWORK or JOB.yaml ...]
// Floors; predicted against measured step times, for one worker with two threads and two with one;
// expected efficiency of more workers. --floor prints "NETWORK images/s" of the floors alone.
// Calibrated by rates that are measured in the same run: of a large product, of memory, of a sum.
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bench/cost_model.h"
#include "bench/job_files.h"
#include "bench/local_gang.h"
#include "bench/machine.h"
#include "common/status_macros.h"

namespace hebb::bench {
namespace {

constexpr int kThreads = 2;  // of a worker
constexpr int kWorkers[] = {1, 2, 4, 8, 64, 512};
// Of the way between two machines, there and through the kernels: datacentre Ethernet over TCP.
constexpr double kWireLatency = 20e-6;
constexpr double kGigabit = 1e9 / 8;

struct Network {
  std::string name;
  spec::Job job;
  NetworkCost cost;
  double batch() const { return static_cast<double>(job.learning.batch_size); }
};

struct Options {
  bool only_floor = false;
  int steps = 8;
  std::vector<std::string> names;
};

absl::StatusOr<Options> ReadOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--floor") {
      options.only_floor = true;
    } else if (word == "--steps" && i + 1 < argc) {
      if (!absl::SimpleAtoi(argv[++i], &options.steps) || options.steps < 1) {
        return absl::InvalidArgumentError("--steps takes a number from 1 on");
      }
    } else if (word[0] == '-') {
      return absl::InvalidArgumentError(absl::StrCat("unknown option ", word));
    } else {
      options.names.push_back(word);
    }
  }
  if (options.names.empty()) {
    for (const NamedJob& job : NamedJobs()) options.names.push_back(job.name);
  }
  return options;
}

absl::StatusOr<std::vector<Network>> LoadNetworks(const std::vector<std::string>& names) {
  std::vector<Network> networks;
  for (const std::string& name : names) {
    HEBB_ASSIGN_OR_RETURN(spec::Job job, LoadJob(name));
    HEBB_ASSIGN_OR_RETURN(NetworkCost cost, CostOf(job, Operations::kCpuKernels));
    networks.push_back({name, std::move(job), std::move(cost)});
  }
  return networks;
}

ComputeRates RatesOf(double flops, const MemoryRates& memory) {
  return {flops, memory.read, memory.fill};
}

double MedianFlops(Sgemm& sgemm, int rounds) {
  std::vector<double> rates;
  for (int i = 0; i < rounds; ++i) rates.push_back(sgemm.Measure());
  return Median(std::move(rates));
}

void PrintFloors(const std::vector<Network>& networks, const ComputeRates& rates) {
  const ComputeRates no_memory = {rates.flops, 1e30, 1e30};
  std::printf(
      "\n| network | batch | MFLOP/image | MB of W | operations alone, images/s | floor |\n"
      "|---|---|---|---|---|---|\n");
  for (const Network& network : networks) {
    const double compute = FloorSeconds(network.cost, network.batch(), no_memory);
    const double floor = FloorSeconds(network.cost, network.batch(), rates);
    std::printf("| %s | %.0f | %.1f | %.2f | %.0f | %.0f |\n", network.name.c_str(),
                network.batch(), network.cost.Flops() / 1e6, network.cost.Weights() * 4e-6,
                network.batch() / compute, network.batch() / floor);
  }
}

// Predicted and measured, alternating with the rate of a product on as many threads.
absl::Status Compare(const Network& network, const GangShape& shape, const Options& options,
                     const MemoryRates& memory, const Link& link) {
  Sgemm sgemm(kThreads);
  const double before = MedianFlops(sgemm, 5);
  HEBB_ASSIGN_OR_RETURN(const double measured, TimeSteps(network.job, shape, options.steps));
  const double flops = (before + MedianFlops(sgemm, 5)) / 2;
  // The ranks share the machine's memory as the threads of one do.
  ComputeRates rates = RatesOf(flops, memory);
  for (double* rate : {&rates.flops, &rates.read, &rates.write}) *rate /= shape.ranks;
  const double predicted =
      StepSeconds(network.cost, network.batch() / shape.ranks, rates, shape.ranks, link);
  std::printf("| %s | %d x %d | %.2f | %.2f | %.2f |\n", network.name.c_str(), shape.ranks,
              shape.threads, 1e3 * predicted, 1e3 * measured, predicted / measured);
  std::fflush(stdout);
  return absl::OkStatus();
}

// `rows` of a worker when there are that many; 0: there are not enough images for all.
using RowsOf = std::function<double(int workers)>;

void PrintEfficiency(const Network& network, const char* kind, const ComputeRates& rates,
                     const Link& link, const RowsOf& rows_of) {
  const double alone = network.batch() / StepSeconds(network.cost, network.batch(), rates, 1, link);
  std::printf("| %s | %s |", network.name.c_str(), kind);
  for (const int workers : kWorkers) {
    const double rows = rows_of(workers);
    if (rows < 1) {
      std::printf(" - |");
      continue;
    }
    const double each = rows / StepSeconds(network.cost, rows, rates, workers, link);
    std::printf(" %.2f |", each / alone);
  }
  std::printf("\n");
}

void PrintEfficiencies(const std::vector<Network>& networks, const ComputeRates& rates,
                       double message, double gigabits) {
  const Link link = {kWireLatency, message, gigabits * kGigabit};
  std::printf(
      "\nEfficiency on %.0f Gbit/s, workers of %d threads, slices >= workers:\n\n"
      "| network | batch |",
      gigabits, kThreads);
  for (const int workers : kWorkers) std::printf(" %d |", workers);
  std::printf("\n|---|---|---|---|---|---|---|---|\n");
  for (const Network& network : networks) {
    const double batch = network.batch();
    PrintEfficiency(network, "a worker's own", rates, link, [&](int) { return batch; });
    PrintEfficiency(network, "shared", rates, link, [&](int workers) { return batch / workers; });
  }
}

absl::Status Run(const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const std::vector<Network> networks, LoadNetworks(options.names));
  Sgemm sgemm(kThreads);
  const MemoryRates memory = MeasureMemory(kThreads, size_t{128} << 20, 5);
  const ComputeRates rates = RatesOf(MedianFlops(sgemm, 15), memory);
  if (options.only_floor) {
    for (const Network& network : networks) {
      std::printf("%s %.1f\n", network.name.c_str(),
                  network.batch() / FloorSeconds(network.cost, network.batch(), rates));
    }
    return absl::OkStatus();
  }
  HEBB_ASSIGN_OR_RETURN(const SumRates threads, MeasureSums(Transport::kThreads));
  HEBB_ASSIGN_OR_RETURN(const SumRates gloo, MeasureSums(Transport::kGloo));
  std::printf("%d threads: product %.0f GFLOP/s, memory read %.1f GB/s, fill %.1f GB/s\n", kThreads,
              rates.flops / 1e9, rates.read / 1e9, rates.write / 1e9);
  for (const auto& [name, sums] : {std::pair{"threads", threads}, std::pair{"gloo", gloo}}) {
    std::printf("sums over %s: %.1f us, %.1f us a message, %.2f GB/s\n", name, 1e6 * sums.latency,
                1e6 * sums.message, sums.bytes_per_second / 1e9);
  }
  PrintFloors(networks, rates);
  std::printf(
      "\n| network | ranks x threads | predicted ms | measured ms | ratio |\n"
      "|---|---|---|---|---|\n");
  const Link local = {threads.latency, threads.message, threads.bytes_per_second};
  for (const Network& network : networks) {
    HEBB_RETURN_IF_ERROR(Compare(network, {1, kThreads}, options, memory, local));
    HEBB_RETURN_IF_ERROR(Compare(network, {kThreads, 1}, options, memory, local));
  }
  for (const double gigabits : {10.0, 100.0}) {
    PrintEfficiencies(networks, rates, gloo.message, gigabits);
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace hebb::bench

int main(int argc, char** argv) {
  const auto options = hebb::bench::ReadOptions(argc, argv);
  const absl::Status status = options.ok() ? hebb::bench::Run(*options) : options.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "cost_model: %s\n", std::string(status.message()).c_str());
  return options.ok() ? 1 : 2;
}
