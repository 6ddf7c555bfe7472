// SPDX-License-Identifier: Apache-2.0
// Trains a job file in one process, ranks as threads, without the service:
//   local_train JOB.yaml [--ranks N] [--threads N] [--data-dir DIR] [--save FILE]
//   [key.path=value]...
// Prints loss, accuracies and W-R cosines of every epoch, and at the end the median of the whole
// steps but the first two (data, dropout, sums, update). `init.from` is read as a local file.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/local_gang.h"
#include "common/files.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"
#include "worker/data/dataset.h"
#include "worker/train/trainer.h"

namespace hebb {
namespace {

struct Options {
  std::string job_file;
  std::vector<std::string> sets;
  std::string data_dir = "data";
  std::string save;
  int ranks = 1;
  int threads = 1;
};

absl::StatusOr<Options> ReadOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    bool good = true;
    if (word == "--ranks" && has_value) {
      good = absl::SimpleAtoi(argv[++i], &options.ranks) && options.ranks >= 1;
    } else if (word == "--threads" && has_value) {
      good = absl::SimpleAtoi(argv[++i], &options.threads) && options.threads >= 1;
    } else if (word == "--data-dir" && has_value) {
      options.data_dir = argv[++i];
    } else if (word == "--save" && has_value) {
      options.save = argv[++i];
    } else if (word.find('=') != std::string::npos) {
      options.sets.push_back(word);
    } else if (options.job_file.empty() && word[0] != '-') {
      options.job_file = word;
    } else {
      good = false;
    }
    if (!good) return absl::InvalidArgumentError(absl::StrCat("cannot read the argument ", word));
  }
  if (options.job_file.empty())
    return absl::InvalidArgumentError(
        "no job file given; usage: local_train JOB.yaml [--ranks N] [--threads N] "
        "[--data-dir DIR] [--save FILE] [key.path=value]...");
  return options;
}

// Rank 0 prints; the other ranks are silent.
class Printer final : public train::Observer {
 public:
  Printer(bool prints, std::string save) : prints_(prints), save_(std::move(save)) {}

  void StepDone(const train::StepReport& report) override {
    last_ = report;
    times_.Add(report);
  }

  void DigestDone(int64_t, const std::string&) override {}

  void EpochDone(const train::EpochMetrics& metrics) override {
    if (!prints_) return;
    std::string line =
        absl::StrFormat("epoch %3d  step %6d  loss %.5f  train %.2f %%", metrics.epoch,
                        metrics.step, metrics.train_loss, 100 * metrics.train_accuracy);
    if (metrics.validation_accuracy.has_value()) {
      absl::StrAppendFormat(&line, "  validation %.2f %%", 100 * *metrics.validation_accuracy);
    }
    absl::StrAppendFormat(&line, "  %.1f s  %.0f images/s ", metrics.seconds,
                          last_.images_per_second);
    for (const auto& [layer, cosine] : metrics.alignment) {
      absl::StrAppendFormat(&line, " %s %.3f", layer, cosine);
    }
    std::puts(line.c_str());
    std::fflush(stdout);
  }

  absl::Status SaveCheckpoint(const checkpoint::Writer& checkpoint) override {
    if (save_.empty()) return absl::OkStatus();
    HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(save_));
    HEBB_RETURN_IF_ERROR(checkpoint.Write(*file));
    return file->Commit();
  }

  const bench::StepTimes& times() const { return times_; }

 private:
  const bool prints_;
  const std::string save_;
  train::StepReport last_;
  bench::StepTimes times_;
};

absl::Status LoadWeights(const spec::Job& job,
                         std::vector<std::unique_ptr<train::Trainer>>& trainers) {
  if (job.init.from.empty()) return absl::OkStatus();
  HEBB_ASSIGN_OR_RETURN(const std::string weights, ReadFile(job.init.from));
  for (auto& trainer : trainers) {
    HEBB_RETURN_IF_ERROR(trainer->LoadInitialWeights(weights, job.init.from));
  }
  return absl::OkStatus();
}

void PrintEnd(const spec::Job& job, const train::Trainer& trainer, const bench::StepTimes& times) {
  const train::FinalMetrics& metrics = trainer.final_metrics();
  if (metrics.validation_accuracy.has_value()) {
    absl::PrintF("validation accuracy %.2f %%\n", 100 * *metrics.validation_accuracy);
  }
  if (metrics.test_accuracy.has_value()) {
    absl::PrintF("test accuracy %.2f %%  loss %.5f\n", 100 * *metrics.test_accuracy,
                 *metrics.test_loss);
  }
  if (!times.empty()) {
    absl::PrintF("median step %.3f ms, %.0f images/s\n", 1e3 * times.MedianSeconds(),
                 static_cast<double>(job.learning.batch_size) / times.MedianSeconds());
  }
  absl::PrintF("weights digest %s\n", trainer.WeightsDigest());
}

absl::Status Train(const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(options.job_file));
  HEBB_ASSIGN_OR_RETURN(const spec::Job job, spec::ParseJob(yaml, options.job_file, options.sets));
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<data::Dataset> dataset,
                        data::OpenDataset(job.dataset, options.data_dir));
  HEBB_ASSIGN_OR_RETURN(auto trainers,
                        bench::MakeTrainers(job, {options.ranks, options.threads}, *dataset));
  HEBB_RETURN_IF_ERROR(LoadWeights(job, trainers));
  std::vector<std::unique_ptr<Printer>> printers;
  std::vector<train::Observer*> observers;
  for (int rank = 0; rank < options.ranks; ++rank) {
    printers.push_back(std::make_unique<Printer>(rank == 0, options.save));
    observers.push_back(printers.back().get());
  }
  HEBB_RETURN_IF_ERROR(bench::RunTrainers(trainers, observers));
  PrintEnd(job, *trainers[0], printers[0]->times());
  return absl::OkStatus();
}
}  // namespace
}  // namespace hebb

int main(int argc, char** argv) {
  const absl::StatusOr<hebb::Options> options = hebb::ReadOptions(argc, argv);
  const absl::Status status = options.ok() ? hebb::Train(*options) : options.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "local_train: %s\n", std::string(status.message()).c_str());
  return options.ok() ? 1 : 2;
}
