// SPDX-License-Identifier: Apache-2.0
// What it costs to bring images to the network, on one thread, from files in CIFAR-10's format in
// the page cache: picking a step's records in the epoch's order; copying their bytes; scaling them
// to floats; changing (flip, crop) and scaling them.
//   data_bench [DIR of CIFAR-10's binary files; default: random ones are written and removed]
//
// One line per task: images/s, GB/s that travel (bytes in and floats out), that as a share of the
// rate at which this thread fills memory, and the share of a training step of network simple that
// the task would take on as many threads.
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/job_files.h"
#include "bench/local_gang.h"
#include "bench/machine.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "tests/testing/temporary_folder.h"
#include "worker/data/dataset.h"
#include "worker/nn/augment.h"
#include "worker/nn/image.h"
#include "worker/train/batch_loader.h"
#include "worker/train/run_plan.h"

namespace hebb::bench {
namespace {

constexpr int kRounds = 7;
constexpr int64_t kRecordsOfFile = 10000;

absl::Status WriteRandomFiles(const std::string& folder) {
  std::mt19937 random(1);
  std::string bytes(kRecordsOfFile * 3073, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  for (int64_t record = 0; record < kRecordsOfFile; ++record) {
    bytes[record * 3073] = static_cast<char>(record % 10);
  }
  for (const char* name : {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4",
                           "data_batch_5", "test_batch"}) {
    HEBB_RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(folder, "/", name, ".bin"), bytes));
  }
  return absl::OkStatus();
}

class Bench {
 public:
  Bench(const train::RunPlan& plan, double fill, double trained)
      : plan_(plan),
        loader_(plan, plan.stages[0], {8, {0, 1}, 1}),
        fill_(fill),
        trained_(trained) {}

  // `task` takes the samples of one step and gives the bytes that travelled.
  void Measure(const char* name,
               const std::function<double(std::span<const engine::Sample>)>& task) {
    std::vector<double> rates;
    double bytes = 0, images = 0;
    for (int round = 0; round <= kRounds; ++round) {
      bytes = images = 0;
      const absl::Time begin = absl::Now();
      for (int64_t step = 0; step < plan_.stages[0].steps_per_epoch; ++step) {
        const train::Batch batch = loader_.Load(step);
        for (const std::span<const engine::Sample> slice : batch.slices) bytes += task(slice);
        images += static_cast<double>(batch.rows);
      }
      if (round > 0) rates.push_back(images / absl::ToDoubleSeconds(absl::Now() - begin));
    }
    const double rate = Median(rates);
    const double travels = bytes / images * rate;
    std::printf("%-22s %12.0f %8.2f %7.0f %% %7.2f %%\n", name, rate, travels / 1e9,
                100 * travels / fill_, 100 * trained_ / rate);
  }

 private:
  const train::RunPlan& plan_;
  train::BatchLoader loader_;
  const double fill_;
  const double trained_;  // images/s of training, of one thread
};

absl::Status Run(const std::string& folder) {
  HEBB_ASSIGN_OR_RETURN(const spec::Job job,
                        LoadJob("simple", {absl::StrCat("dataset.path=", folder)}));
  HEBB_ASSIGN_OR_RETURN(const auto dataset, data::OpenDataset(job.dataset, ""));
  HEBB_ASSIGN_OR_RETURN(const train::RunPlan plan, train::MakeRunPlan(job, "bench", 1, *dataset));
  HEBB_ASSIGN_OR_RETURN(const double step, TimeSteps(job, {1, 1}, 5));
  const double trained = static_cast<double>(job.learning.batch_size) / step;
  const double fill = MeasureMemory(1, size_t{128} << 20, 5).fill;
  const spec::Shape shape = dataset->facts().image;
  HEBB_ASSIGN_OR_RETURN(const nn::ImageScaler scaler, nn::ImageScaler::Create(job.dataset, shape));
  const nn::Augmenter augmenter({.flip = true, .crop = 4}, shape, 1);
  device::FloatBuffer floats(job.learning.batch_size * shape.size());
  std::vector<uint8_t> changed(shape.size());
  const auto size = static_cast<double>(shape.size());

  std::printf("training of simple %.0f images/s on one thread, fill %.1f GB/s\n", trained,
              fill / 1e9);
  std::printf("%-22s %12s %8s %9s %9s\n", "task", "images/s", "GB/s", "of fill", "of a step");
  Bench bench(plan, fill, trained);
  bench.Measure("pick", [](auto) { return 0.0; });
  bench.Measure("pick, copy bytes", [&](std::span<const engine::Sample> samples) {
    for (const engine::Sample& sample : samples) {
      std::memcpy(changed.data(), sample.pixels, shape.size());
    }
    return size * static_cast<double>(samples.size());
  });
  bench.Measure("pick, scale", [&](std::span<const engine::Sample> samples) {
    float* out = floats.data();
    for (const engine::Sample& sample : samples) {
      scaler.Scale(sample.pixels, out);
      out += shape.size();
    }
    return 5 * size * static_cast<double>(samples.size());
  });
  bench.Measure("pick, change, scale", [&](std::span<const engine::Sample> samples) {
    float* out = floats.data();
    for (const engine::Sample& sample : samples) {
      augmenter.Apply(0, sample.id, sample.pixels, changed.data());
      scaler.Scale(changed.data(), out);
      out += shape.size();
    }
    return 5 * size * static_cast<double>(samples.size());
  });
  return absl::OkStatus();
}

absl::Status Main(int argc, char** argv) {
  if (argc > 1) return Run(argv[1]);
  const testing::TemporaryFolder folder;
  HEBB_RETURN_IF_ERROR(WriteRandomFiles(folder.path()));
  return Run(folder.path());
}

}  // namespace
}  // namespace hebb::bench

int main(int argc, char** argv) {
  const absl::Status status = hebb::bench::Main(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "data_bench: %s\n", std::string(status.message()).c_str());
  return 1;
}
