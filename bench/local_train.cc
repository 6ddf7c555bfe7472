// SPDX-License-Identifier: Apache-2.0
// Trains job files in one process, ranks as threads, without the service:
//   local_train JOB.yaml... [--device cpu|cuda[:N]] [--ranks N] [--threads N] [--data-dir DIR]
//   [--save FILE] [--csv FILE] [key.path=value]...
// Several jobs train at the same time, each alone on its threads and, with a GPU, on a queue of its
// own; --device cuda takes one rank of one thread. Prints loss, accuracies and W-R cosines of every
// epoch, and at the end the median of the whole steps but the first two (data, dropout, sums,
// update). --csv writes the epochs (job, epoch, loss, training and validation accuracy, seconds
// since the start, mean W-R cosine) and at the end the test (epoch "test"). `init.from` is read as
// a local file. Exit code 77: there is no GPU.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "bench/device.h"
#include "bench/local_gang.h"
#include "common/files.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"
#include "worker/data/dataset.h"
#include "worker/train/trainer.h"

namespace hebb {
namespace {

struct Options {
  std::vector<std::string> job_files;
  std::vector<std::string> sets;
  std::string data_dir = "data";
  std::string save;
  std::string csv;
  std::string device = "cpu";
  int ranks = 1;
  int threads = 1;
};

absl::Status CheckOptions(const Options& options) {
  if (options.job_files.empty()) {
    return absl::InvalidArgumentError(
        "no job file given; usage: local_train JOB.yaml... [--device cpu|cuda[:N]] [--ranks N] "
        "[--threads N] [--data-dir DIR] [--save FILE] [--csv FILE] [key.path=value]...");
  }
  if (options.device != "cpu" && (options.ranks != 1 || options.threads != 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device ", options.device,
                     " takes one rank of one thread; leave out --ranks, --threads"));
  }
  if (!options.save.empty() && options.job_files.size() > 1) {
    return absl::InvalidArgumentError("--save takes one job file, for it is one file");
  }
  return absl::OkStatus();
}

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
    } else if (word == "--csv" && has_value) {
      options.csv = argv[++i];
    } else if (word == "--device" && has_value) {
      options.device = argv[++i];
    } else if (word.find('=') != std::string::npos) {
      options.sets.push_back(word);
    } else if (word[0] != '-') {
      options.job_files.push_back(word);
    } else {
      good = false;
    }
    if (!good) return absl::InvalidArgumentError(absl::StrCat("cannot read the argument ", word));
  }
  HEBB_RETURN_IF_ERROR(CheckOptions(options));
  return options;
}

// Lines of all jobs, to the screen and the CSV file. Thread-safe.
class Output {
 public:
  static absl::StatusOr<std::unique_ptr<Output>> Create(const Options& options) {
    auto output = std::make_unique<Output>();
    output->names_jobs_ = options.job_files.size() > 1;
    if (options.csv.empty()) return output;
    output->csv_.open(options.csv);
    output->csv_ << "job,epoch,loss,train_accuracy,validation_accuracy,seconds,cosine\n";
    if (output->csv_) return output;
    return absl::InternalError(absl::StrCat("cannot write to ", options.csv));
  }

  void Line(const std::string& job, const std::string& text) {
    absl::MutexLock lock(&mutex_);
    if (names_jobs_) std::printf("%s: ", job.c_str());
    std::puts(text.c_str());
    std::fflush(stdout);
  }

  // A negative accuracy: none.
  void Row(const std::string& job, const std::string& epoch, double loss, double train,
           double other, const std::string& cosine) {
    absl::MutexLock lock(&mutex_);
    if (!csv_.is_open()) return;
    const auto percent = [](double share) {
      return share < 0 ? "" : absl::StrFormat("%.2f", 100 * share);
    };
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    csv_ << absl::StrFormat("%s,%s,%.7g,%s,%s,%.2f,%s\n", job, epoch, loss, percent(train),
                            percent(other), seconds, cosine)
         << std::flush;
  }

 private:
  using Clock = std::chrono::steady_clock;
  absl::Mutex mutex_;
  bool names_jobs_ = false;
  std::ofstream csv_ ABSL_GUARDED_BY(mutex_);
  const Clock::time_point begin_ = Clock::now();
};

std::string MeanCosine(const std::vector<std::pair<std::string, double>>& alignment) {
  if (alignment.empty()) return "";
  double sum = 0;
  for (const auto& [layer, cosine] : alignment) sum += cosine;
  return absl::StrFormat("%.4f", sum / static_cast<double>(alignment.size()));
}

// Rank 0 prints; the other ranks, which have no output, are silent.
class Printer final : public train::Observer {
 public:
  Printer(std::string job, Output* output, std::string save)
      : job_(std::move(job)), output_(output), save_(std::move(save)) {}

  void StepDone(const train::StepReport& report) override {
    last_ = report;
    times_.Add(report);
  }

  void DigestDone(int64_t, const std::string&) override {}

  void EpochDone(const train::EpochMetrics& metrics) override {
    if (output_ == nullptr) return;
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
    output_->Line(job_, line);
    output_->Row(job_, absl::StrCat(metrics.epoch), metrics.train_loss, metrics.train_accuracy,
                 metrics.validation_accuracy.value_or(-1), MeanCosine(metrics.alignment));
  }

  absl::Status SaveCheckpoint(const checkpoint::Writer& checkpoint) override {
    if (save_.empty()) return absl::OkStatus();
    HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(save_));
    HEBB_RETURN_IF_ERROR(checkpoint.Write(*file));
    return file->Commit();
  }

  const bench::StepTimes& times() const { return times_; }

 private:
  const std::string job_;
  Output* const output_;
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

void PrintEnd(const spec::Job& job, const train::Trainer& trainer, const bench::StepTimes& times,
              Output& output) {
  const train::FinalMetrics& metrics = trainer.final_metrics();
  const auto line = [&](const std::string& text) { output.Line(job.name, text); };
  if (metrics.validation_accuracy.has_value()) {
    line(absl::StrFormat("validation accuracy %.2f %%", 100 * *metrics.validation_accuracy));
  }
  if (metrics.test_accuracy.has_value()) {
    line(absl::StrFormat("test accuracy %.2f %%  loss %.5f", 100 * *metrics.test_accuracy,
                         *metrics.test_loss));
    output.Row(job.name, "test", *metrics.test_loss, -1, *metrics.test_accuracy, "");
  }
  if (!times.empty()) {
    line(absl::StrFormat("median step %.3f ms, %.0f images/s", 1e3 * times.MedianSeconds(),
                         static_cast<double>(job.learning.batch_size) / times.MedianSeconds()));
  }
  line(absl::StrCat("weights digest ", trainer.WeightsDigest()));
}

absl::Status Train(const spec::Job& job, const Options& options, const bench::Device& device,
                   Output& output) {
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<data::Dataset> dataset,
                        data::OpenDataset(job.dataset, options.data_dir));
  const bench::GangShape shape = {options.ranks, options.threads, device.make_engine};
  HEBB_ASSIGN_OR_RETURN(auto trainers, bench::MakeTrainers(job, shape, *dataset));
  HEBB_RETURN_IF_ERROR(LoadWeights(job, trainers));
  std::vector<std::unique_ptr<Printer>> printers;
  std::vector<train::Observer*> observers;
  for (int rank = 0; rank < options.ranks; ++rank) {
    printers.push_back(
        std::make_unique<Printer>(job.name, rank == 0 ? &output : nullptr, options.save));
    observers.push_back(printers.back().get());
  }
  HEBB_RETURN_IF_ERROR(bench::RunTrainers(trainers, observers));
  PrintEnd(job, *trainers[0], printers[0]->times(), output);
  return absl::OkStatus();
}

// All jobs at the same time; the first error, by the order of the files, with the job's name.
absl::Status TrainAll(const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const bench::Device device, bench::OpenDevice(options.device));
  std::vector<spec::Job> jobs;
  for (const std::string& file : options.job_files) {
    HEBB_ASSIGN_OR_RETURN(const std::string yaml, ReadFile(file));
    HEBB_ASSIGN_OR_RETURN(jobs.emplace_back(), spec::ParseJob(yaml, file, options.sets));
  }
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<Output> output, Output::Create(options));
  std::vector<absl::Status> ends(jobs.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < jobs.size(); ++i) {
    threads.emplace_back([&, i] { ends[i] = Train(jobs[i], options, device, *output); });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < jobs.size(); ++i) {
    if (ends[i].ok()) continue;
    if (jobs.size() == 1) return ends[i];
    return {ends[i].code(), absl::StrCat(jobs[i].name, ": ", ends[i].message())};
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace hebb

int main(int argc, char** argv) {
  const absl::StatusOr<hebb::Options> options = hebb::ReadOptions(argc, argv);
  if (!options.ok()) return hebb::bench::TellError("local_train", options.status());
  const absl::Status status = hebb::TrainAll(*options);
  return status.ok() ? 0 : hebb::bench::TellError("local_train", status);
}
