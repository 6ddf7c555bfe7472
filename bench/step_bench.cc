// SPDX-License-Identifier: Apache-2.0
// Whole training steps (loading, dropout, sums over slices, update) on random images, without the
// service, beside the floor of bench/cost_model.h at the rates measured between the steps:
//   step_bench [--threads N] [--ranks N] [--steps N] [--list] [NETWORK or JOB.yaml ...]
//   [key.path=value ...]
// One line per network. --list prints the names, their job files and settings instead.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "bench/cost_model.h"
#include "bench/job_files.h"
#include "bench/local_gang.h"
#include "bench/machine.h"
#include "common/status_macros.h"

namespace hebb::bench {
namespace {

struct Options {
  GangShape shape;
  int steps = 8;
  bool list = false;
  std::vector<std::string> networks;
  std::vector<std::string> sets;
};

bool ReadOptions(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    int* number = word == "--threads" ? &options.shape.threads
                  : word == "--ranks" ? &options.shape.ranks
                  : word == "--steps" ? &options.steps
                                      : nullptr;
    if (number != nullptr) {
      if (++i == argc || !absl::SimpleAtoi(argv[i], number) || *number < 1) return false;
    } else if (word == "--list") {
      options.list = true;
    } else if (word.find('=') != std::string::npos) {
      options.sets.push_back(word);
    } else if (word[0] == '-') {
      return false;
    } else {
      options.networks.push_back(word);
    }
  }
  return true;
}

absl::Status Measure(const std::string& name, const Options& options, const MemoryRates& memory,
                     Sgemm& sgemm) {
  HEBB_ASSIGN_OR_RETURN(const spec::Job job, LoadJob(name, options.sets));
  HEBB_ASSIGN_OR_RETURN(const NetworkCost cost, CostOf(job, Operations::kCpuKernels));
  std::vector<double> rates;
  HEBB_ASSIGN_OR_RETURN(const double seconds,
                        TimeSteps(job, options.shape, options.steps, [&](const auto&) {
                          if (options.shape.ranks == 1) rates.push_back(sgemm.Measure());
                        }));
  // With several ranks the others would compute on meanwhile.
  while (rates.size() < 5) rates.push_back(sgemm.Measure());
  const double rate = Median(rates);
  const auto batch = static_cast<double>(job.learning.batch_size);
  const double floor = FloorSeconds(cost, batch, {rate, memory.read, memory.fill});
  std::printf("%-14s %5.0f %9.2f %9.0f %8.0f %8.0f %9.2f %7.0f\n", name.c_str(), batch,
              1e3 * seconds, batch / seconds, cost.Flops() * batch / seconds / 1e9, rate / 1e9,
              1e3 * floor, 100 * floor / seconds);
  std::fflush(stdout);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  if (!ReadOptions(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: step_bench [--threads N] [--ranks N] [--steps N] [--list] "
                 "[NETWORK or JOB.yaml ...] [key.path=value ...]\n");
    return 2;
  }
  const std::vector<NamedJob> named = NamedJobs();
  if (options.list) {
    for (const NamedJob& job : named) {
      std::printf("%s %s %s\n", job.name.c_str(), job.file.c_str(),
                  absl::StrJoin(job.sets, " ").c_str());
    }
    return 0;
  }
  if (options.networks.empty()) {
    for (const NamedJob& job : named) options.networks.push_back(job.name);
  }
  const int cores = options.shape.threads * options.shape.ranks;
  Sgemm sgemm(cores);
  const MemoryRates memory = MeasureMemory(cores, size_t{128} << 20, 5);
  std::printf("%d x %d threads; memory read %.0f GB/s, fill %.0f GB/s\n", options.shape.ranks,
              options.shape.threads, memory.read / 1e9, memory.fill / 1e9);
  std::printf("%-14s %5s %9s %9s %8s %8s %9s %7s\n", "network", "batch", "ms/step", "images/s",
              "GFLOP/s", "sgemm", "floor ms", "% of it");
  for (const std::string& name : options.networks) {
    const absl::Status status = Measure(name, options, memory, sgemm);
    if (status.ok()) continue;
    std::fprintf(stderr, "step_bench: %s: %s\n", name.c_str(), status.ToString().c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace hebb::bench

int main(int argc, char** argv) { return hebb::bench::Main(argc, argv); }
