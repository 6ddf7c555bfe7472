// SPDX-License-Identifier: Apache-2.0
#include "bench/local_gang.h"

#include <chrono>
#include <random>
#include <thread>

#include "bench/machine.h"
#include "common/status_macros.h"
#include "worker/comm/local_communicator.h"

namespace hebb::bench {
namespace {

constexpr int kWarmUp = 2;

// Images of random bytes: `train` to learn from, a few to test on.
class RandomImages final : public data::Dataset {
 public:
  RandomImages(const spec::DatasetFacts& facts, int64_t train)
      : facts_(facts), train_(train), pixels_(train * facts.image.size()) {
    std::mt19937 random(1);
    for (uint8_t& pixel : pixels_) pixel = static_cast<uint8_t>(random());
  }

  const spec::DatasetFacts& facts() const override { return facts_; }
  int64_t size(data::Split split) const override {
    if (split == data::Split::kTrain) return train_;
    return split == data::Split::kTest ? 1 : 0;
  }
  data::Record Get(data::Split, int64_t index) const override {
    return {pixels_.data() + index * facts_.image.size(),
            static_cast<int32_t>(index % facts_.classes)};
  }

 private:
  const spec::DatasetFacts facts_;
  const int64_t train_;
  std::vector<uint8_t> pixels_;
};

class Listener final : public train::Observer {
 public:
  explicit Listener(const std::function<void(const train::StepReport&)>& between)
      : between_(between) {}
  void StepDone(const train::StepReport& report) override {
    times_.Add(report);
    if (between_) between_(report);
  }
  void EpochDone(const train::EpochMetrics&) override {}
  void DigestDone(int64_t, const std::string&) override {}
  absl::Status SaveCheckpoint(const checkpoint::Writer&) override { return absl::OkStatus(); }
  const StepTimes& times() const { return times_; }

 private:
  const std::function<void(const train::StepReport&)> between_;
  StepTimes times_;
};

// When each epoch's first and last step ended.
class EpochClock final : public train::Observer {
 public:
  explicit EpochClock(int steps) : steps_(steps) {}
  void StepDone(const train::StepReport& report) override {
    const int64_t of_epoch = (report.step - 1) % steps_;
    if (of_epoch == 0) first_ = Clock::now();
    if (of_epoch == steps_ - 1 && report.step > steps_) {
      seconds_.push_back(std::chrono::duration<double>(Clock::now() - first_).count() /
                         (steps_ - 1));
    }
  }
  void EpochDone(const train::EpochMetrics&) override {}
  void DigestDone(int64_t, const std::string&) override {}
  absl::Status SaveCheckpoint(const checkpoint::Writer&) override { return absl::OkStatus(); }
  const std::vector<double>& seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  const int steps_;
  Clock::time_point first_;
  std::vector<double> seconds_;
};

// Nothing but steps.
void LeaveOutLooks(spec::Job& job) {
  job.dataset.validation = 0;
  job.diagnostics.every_epochs = 0;
}

}  // namespace

void StepTimes::Add(const train::StepReport& report) {
  if (report.own_images > most_images_) {
    most_images_ = report.own_images;
    seconds_.clear();
  }
  if (++seen_ <= kWarmUp || report.own_images < most_images_) return;
  seconds_.push_back(report.total_seconds());
}

double StepTimes::MedianSeconds() const { return Median(seconds_); }

absl::StatusOr<std::vector<std::unique_ptr<train::Trainer>>> MakeTrainers(
    const spec::Job& job, const GangShape& shape, const data::Dataset& dataset) {
  std::vector<std::unique_ptr<train::Trainer>> trainers(shape.ranks);
  for (auto& trainer : trainers) {
    HEBB_ASSIGN_OR_RETURN(trainer, train::Trainer::Create({.job = job,
                                                           .job_id = "local",
                                                           .threads = shape.threads,
                                                           .make_engine = shape.make_engine},
                                                          dataset));
  }
  return trainers;
}

absl::Status RunTrainers(const std::vector<std::unique_ptr<train::Trainer>>& trainers,
                         const std::vector<train::Observer*>& observers) {
  std::vector<std::unique_ptr<comm::Communicator>> gang =
      comm::MakeLocalGang(static_cast<int>(trainers.size()));
  train::Requests requests;
  std::vector<absl::Status> results(trainers.size());
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < trainers.size(); ++rank) {
    threads.emplace_back([&, rank] {
      results[rank] = trainers[rank]->Run(*gang[rank], requests, *observers[rank]).status();
      gang[rank].reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) HEBB_RETURN_IF_ERROR(result);
  return absl::OkStatus();
}

absl::StatusOr<double> TimeSteps(spec::Job job, const GangShape& shape, int steps,
                                 const std::function<void(const train::StepReport&)>& between) {
  LeaveOutLooks(job);
  job.learning.epochs = 1;
  job.resources.workers = shape.ranks;
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(job.dataset.name));
  const RandomImages dataset(facts, job.learning.batch_size * (steps + kWarmUp));
  HEBB_ASSIGN_OR_RETURN(const auto trainers, MakeTrainers(job, shape, dataset));
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<train::Observer*> observers;
  for (int rank = 0; rank < shape.ranks; ++rank) {
    listeners.push_back(std::make_unique<Listener>(rank == 0 ? between : nullptr));
    observers.push_back(listeners.back().get());
  }
  HEBB_RETURN_IF_ERROR(RunTrainers(trainers, observers));
  return listeners[0]->times().MedianSeconds();
}

absl::StatusOr<double> TimeEpochs(spec::Job job, const GangShape& shape, int steps, int epochs) {
  LeaveOutLooks(job);
  job.learning.epochs = 1 + epochs;
  job.resources.workers = shape.ranks;
  HEBB_ASSIGN_OR_RETURN(const spec::DatasetFacts facts, spec::FactsOfDataset(job.dataset.name));
  const RandomImages dataset(facts, job.learning.batch_size * steps);
  HEBB_ASSIGN_OR_RETURN(const auto trainers, MakeTrainers(job, shape, dataset));
  std::vector<EpochClock> clocks(shape.ranks, EpochClock(steps));
  std::vector<train::Observer*> observers;
  for (EpochClock& clock : clocks) observers.push_back(&clock);
  HEBB_RETURN_IF_ERROR(RunTrainers(trainers, observers));
  return Median(clocks[0].seconds());
}

}  // namespace hebb::bench
