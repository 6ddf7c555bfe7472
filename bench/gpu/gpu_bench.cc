// SPDX-License-Identifier: Apache-2.0
// Whole training steps on a GPU, on random images that lie there, without slices and with 8, beside
// the floor of bench/cost_model.h at the rates of the same device in the same run:
//   gpu_bench [--device cuda[:N]|cpu|host] [--precisions LIST] [--steps N] [--epochs N]
//             [--csv FILE] [--only-rates] [NETWORK or JOB.yaml ...] [key.path=value ...]
// Prints the rates and a Markdown table. --csv appends a line for each row: network, batch,
// precision, ms without slices, ms with 8, floor in ms, floor with activations in ms. Exit code 77:
// there is no GPU.
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "bench/cost_model.h"
#include "bench/device.h"
#include "bench/gpu/device_rates.h"
#include "bench/job_files.h"
#include "bench/local_gang.h"
#include "bench/machine.h"
#include "common/status_macros.h"

namespace hebb::bench {
namespace {

struct Options {
  std::string device = "cuda";
  std::vector<std::string> precisions = {"float32", "tf32", "bf16"};
  int steps = 50;
  int epochs = 5;
  std::string csv;
  bool only_rates = false;
  std::vector<std::string> networks;
  std::vector<std::string> sets;
};

// In which products are taken, and how fast they can be.
struct Rates {
  double float32 = 0, tf32 = 0;  // FLOP/s
  double memory = 0;             // bytes/s
  ComputeRates Of(const std::string& precision) const {
    return {precision == "float32" ? float32 : tf32, memory, memory};
  }
};

absl::StatusOr<Options> ReadOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    bool good = true;
    if (word == "--device" && has_value) {
      options.device = argv[++i];
    } else if (word == "--precisions" && has_value) {
      options.precisions = absl::StrSplit(argv[++i], ',');
    } else if (word == "--csv" && has_value) {
      options.csv = argv[++i];
    } else if (word == "--steps" && has_value) {
      good = absl::SimpleAtoi(argv[++i], &options.steps) && options.steps >= 2;
    } else if (word == "--epochs" && has_value) {
      good = absl::SimpleAtoi(argv[++i], &options.epochs) && options.epochs >= 1;
    } else if (word == "--only-rates") {
      options.only_rates = true;
    } else if (word.find('=') != std::string::npos) {
      options.sets.push_back(word);
    } else if (word[0] != '-') {
      options.networks.push_back(word);
    } else {
      good = false;
    }
    if (!good) {
      return absl::InvalidArgumentError(
          absl::StrCat("cannot read the argument ", word,
                       "; usage: gpu_bench [--device cuda[:N]|cpu|host] [--precisions LIST] "
                       "[--steps N] [--epochs N] [--csv FILE] [--only-rates] "
                       "[NETWORK or JOB.yaml ...] [key.path=value ...]"));
    }
  }
  if (options.networks.empty()) {
    options.networks = {"simple", "A", "B", "simple_untied", "C_untied", "resnet20"};
  }
  return options;
}

absl::StatusOr<Rates> MeasureRates(const Device& device) {
  if (device.kind == DeviceKind::kCpu) {
    Sgemm sgemm(1);
    std::vector<double> products;
    for (int i = 0; i < 5; ++i) products.push_back(sgemm.Measure());
    const double rate = Median(std::move(products));
    return Rates{rate, rate, MeasureMemory(1, size_t{128} << 20, 3).read};
  }
  RateSizes sizes;
  if (device.kind == DeviceKind::kHostAsGpu) sizes = {.side = 64, .copied = 1 << 20, .rounds = 1};
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<gpu::Ops> ops, device.make_ops());
  Rates rates;
  HEBB_ASSIGN_OR_RETURN(rates.float32, ProductRate(*ops, gpu::Precision::kFloat32, sizes));
  HEBB_ASSIGN_OR_RETURN(rates.tf32, ProductRate(*ops, gpu::Precision::kTf32, sizes));
  HEBB_ASSIGN_OR_RETURN(rates.memory, MemoryRate(*ops, sizes));
  return rates;
}

// What every run of the network sets before the caller's own.
std::vector<std::string> SetsOf(const std::string& network, const std::string& precision,
                                const Device& device, const Options& options) {
  std::vector<std::string> sets = {absl::StrCat("learning.precision=", precision)};
  if (device.kind != DeviceKind::kCpu) sets.push_back("resources.device=cuda");
  if (network == "resnet20") sets.push_back("learning.batch_size=512");
  sets.push_back("resources.workers=1");
  sets.push_back("resources.min_workers=1");
  sets.insert(sets.end(), options.sets.begin(), options.sets.end());
  return sets;
}

absl::Status Measure(const std::string& network, const std::string& precision, const Device& device,
                     const Rates& rates, const Options& options) {
  const GangShape shape = {.ranks = 1, .threads = 1, .make_engine = device.make_engine};
  std::vector<std::string> sets = SetsOf(network, precision, device, options);
  double seconds[2] = {};
  spec::Job job;
  for (const int slices : {0, 8}) {
    sets.push_back(absl::StrCat("data_parallel.slices=", slices));
    HEBB_ASSIGN_OR_RETURN(job, LoadJob(network, sets));
    HEBB_ASSIGN_OR_RETURN(seconds[slices == 0 ? 0 : 1],
                          TimeEpochs(job, shape, options.steps, options.epochs));
  }
  HEBB_ASSIGN_OR_RETURN(const NetworkCost cost, CostOf(job, Operations::kPlainSums));
  const auto batch = static_cast<double>(job.learning.batch_size);
  const double floor = FloorSeconds(cost, batch, rates.Of(precision));
  const double moved = StepSeconds(cost, batch, rates.Of(precision), 1, {});
  absl::PrintF("| %s | %.0f | %s | %.3f | %.0f | %.3f | %.2f | %.3f | %.2f | %.3f | %.2f |\n",
               network, batch, precision, 1e3 * seconds[0], batch / seconds[0], 1e3 * seconds[1],
               seconds[1] / seconds[0], 1e3 * floor, floor / seconds[0], 1e3 * moved,
               moved / seconds[0]);
  std::fflush(stdout);
  if (options.csv.empty()) return absl::OkStatus();
  std::ofstream csv(options.csv, std::ios::app);
  csv << absl::StrFormat("%s,%.0f,%s,%.6f,%.6f,%.6f,%.6f\n", network, batch, precision,
                         1e3 * seconds[0], 1e3 * seconds[1], 1e3 * floor, 1e3 * moved)
      << std::flush;
  if (!csv) return absl::InternalError(absl::StrCat("cannot write to ", options.csv));
  return absl::OkStatus();
}

absl::Status Run(const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const Device device, OpenDevice(options.device));
  HEBB_ASSIGN_OR_RETURN(const Rates rates, MeasureRates(device));
  absl::PrintF("%s: product %.1f TFLOP/s in float32, %.1f in tf32; memory %.0f GB/s\n", device.name,
               rates.float32 / 1e12, rates.tf32 / 1e12, rates.memory / 1e9);
  if (options.only_rates) return absl::OkStatus();
  absl::PrintF(
      "\n| network | batch | precision | 0 slices, ms | images/s | 8 slices, ms | 8 / 0 | floor, "
      "ms "
      "| share | with activations, ms | share |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& network : options.networks) {
    for (const std::string& precision : options.precisions) {
      const absl::Status status = Measure(network, precision, device, rates, options);
      if (!status.ok()) {
        return {status.code(), absl::StrCat(network, ", ", precision, ": ", status.message())};
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace hebb::bench

int main(int argc, char** argv) {
  const auto options = hebb::bench::ReadOptions(argc, argv);
  const absl::Status status = options.ok() ? hebb::bench::Run(*options) : options.status();
  return status.ok() ? 0 : hebb::bench::TellError("gpu_bench", status);
}
