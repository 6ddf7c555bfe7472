// SPDX-License-Identifier: Apache-2.0
// Trains a job file in one process, ranks as threads, without the service:
//   local_train JOB.yaml [--ranks N] [--threads N] [--data-dir DIR] [--save FILE]
//   [key.path=value]...
// Prints loss, accuracies and W-R cosines of every epoch. `init.from` is read as a local file.
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/files.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"
#include "worker/comm/local_communicator.h"
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

  void StepDone(const train::StepReport& report) override { last_ = report; }

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

  absl::Status SaveCheckpoint(std::string bytes, int64_t, const std::string&) override {
    return save_.empty() ? absl::OkStatus() : WriteFileAtomically(save_, bytes);
  }

 private:
  const bool prints_;
  const std::string save_;
  train::StepReport last_;
};

struct Rank {
  std::unique_ptr<train::Trainer> trainer;
  std::unique_ptr<Printer> printer;
  absl::Status status;
};

absl::StatusOr<std::vector<Rank>> MakeRanks(const Options& options, const spec::Job& job,
                                            const data::Dataset& dataset) {
  std::vector<Rank> ranks(options.ranks);
  std::string weights;
  if (!job.init.from.empty()) {
    HEBB_ASSIGN_OR_RETURN(weights, ReadFile(job.init.from));
  }
  for (Rank& rank : ranks) {
    HEBB_ASSIGN_OR_RETURN(
        rank.trainer, train::Trainer::Create(
                          {.job = job, .job_id = "local", .threads = options.threads}, dataset));
    if (!weights.empty()) {
      HEBB_RETURN_IF_ERROR(rank.trainer->LoadInitialWeights(weights, job.init.from));
    }
    rank.printer = std::make_unique<Printer>(&rank == &ranks[0], options.save);
  }
  return ranks;
}

absl::Status RunRanks(std::vector<Rank>& ranks) {
  std::vector<std::unique_ptr<comm::Communicator>> gang =
      comm::MakeLocalGang(static_cast<int>(ranks.size()));
  train::Requests requests;
  std::vector<std::thread> threads;
  for (size_t r = 0; r < ranks.size(); ++r) {
    threads.emplace_back([&, r] {
      Rank& rank = ranks[r];
      rank.status = rank.trainer->Run(*gang[r], requests, *rank.printer).status();
      gang[r].reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Rank& rank : ranks) HEBB_RETURN_IF_ERROR(rank.status);
  return absl::OkStatus();
}

absl::Status Train(const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(options.job_file));
  HEBB_ASSIGN_OR_RETURN(const spec::Job job, spec::ParseJob(yaml, options.job_file, options.sets));
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<data::Dataset> dataset,
                        data::OpenDataset(job.dataset, options.data_dir));
  HEBB_ASSIGN_OR_RETURN(std::vector<Rank> ranks, MakeRanks(options, job, *dataset));
  HEBB_RETURN_IF_ERROR(RunRanks(ranks));
  const train::FinalMetrics& metrics = ranks[0].trainer->final_metrics();
  if (metrics.validation_accuracy.has_value()) {
    absl::PrintF("validation accuracy %.2f %%\n", 100 * *metrics.validation_accuracy);
  }
  if (metrics.test_accuracy.has_value()) {
    absl::PrintF("test accuracy %.2f %%  loss %.5f\n", 100 * *metrics.test_accuracy,
                 *metrics.test_loss);
  }
  absl::PrintF("weights digest %s\n", ranks[0].trainer->WeightsDigest());
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
