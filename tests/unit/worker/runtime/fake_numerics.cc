// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/runtime/fake_numerics.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status_macros.h"
#include "worker/checkpoint/checkpoint.h"

namespace hebb::runtime {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

}  // namespace

struct Script::Control {
  mutable absl::Mutex mutex;
  int permits = 0;
  int forming = 0;
  int stepping = 0;
  int computing = 0;
  int live = 0;
  bool block = false;
  Mesh mesh = Mesh::kForms;
  absl::Status data;
  std::map<int64_t, absl::Status> failures;
  std::vector<GangPlan> plans;
  std::string loaded;
  absl::Duration backstop;
  int trainers = 0;
  std::function<std::shared_ptr<void>()> held;

  template <typename Done>
  bool Await(const Done& done) {
    absl::MutexLock lock(&mutex);
    return mutex.AwaitWithTimeout(absl::Condition(&done), kPatience);
  }
};

namespace {

using Control = Script::Control;

class FakeDataset : public data::Dataset {
 public:
  const spec::DatasetFacts& facts() const override { return facts_; }
  int64_t size(data::Split) const override { return 20; }
  data::Record Get(data::Split, int64_t) const override { return {}; }

 private:
  spec::DatasetFacts facts_;
};

// Barrier = "the step's sum": waits for the test's permit.
class FakeCommunicator : public comm::Communicator {
 public:
  FakeCommunicator(Control& control, comm::Topology topology)
      : control_(control), topology_(topology) {
    absl::MutexLock lock(&control_.mutex);
    ++control_.live;
  }
  ~FakeCommunicator() override {
    absl::MutexLock lock(&control_.mutex);
    --control_.live;
  }
  comm::Topology topology() const override { return topology_; }
  absl::string_view backend() const override { return "fake"; }
  absl::Status Barrier(absl::Time) override {
    absl::MutexLock lock(&control_.mutex);
    ++control_.stepping;
    const auto ready = [this] { return aborted_ || control_.permits > 0; };
    const bool in_time = control_.mutex.AwaitWithTimeout(absl::Condition(&ready), kPatience);
    --control_.stepping;
    if (aborted_) return absl::AbortedError("aborted");
    if (!in_time) return absl::DeadlineExceededError("no permit");
    --control_.permits;
    return absl::OkStatus();
  }
  void Abort(absl::string_view) override {
    absl::MutexLock lock(&control_.mutex);
    aborted_ = true;
  }
  absl::Status Exchange(std::span<const comm::Send>, std::span<const comm::Receive>,
                        absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status AllReduce(std::span<float>, absl::Time) override { return absl::OkStatus(); }
  absl::Status Broadcast(std::span<std::byte>, int, absl::Time) override {
    return absl::OkStatus();
  }
  absl::Status AllGather(std::span<const std::byte>, std::span<std::byte>, absl::Time) override {
    return absl::OkStatus();
  }

 private:
  Control& control_;
  const comm::Topology topology_;
  bool aborted_ = false;
};

class FakeTrainer : public train::Trainer {
 public:
  explicit FakeTrainer(Control& control) : control_(control) {
    absl::MutexLock lock(&control_.mutex);
    ++control_.trainers;
    if (control_.held) held_ = control_.held();
  }
  ~FakeTrainer() override {
    held_.reset();
    absl::MutexLock lock(&control_.mutex);
    --control_.trainers;
  }
  int64_t step() const override { return step_; }
  int64_t total_steps() const override { return Script::kTotalSteps; }
  std::string WeightsDigest() const override { return absl::StrCat("digest-", step_); }
  absl::Status LoadCheckpoint(const std::string& bytes, const std::string&) override {
    step_ = 4;
    return Loaded("checkpoint ", bytes);
  }
  absl::Status LoadInitialWeights(const std::string& bytes, const std::string&) override {
    return Loaded("weights ", bytes);
  }
  absl::Status SyncState(comm::Communicator& communicator, int, const std::vector<int>& wanted,
                         absl::Time) override {
    for (const int rank : wanted) {
      if (rank == communicator.topology().rank) step_ = 4;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<train::RunEnd> Run(comm::Communicator& communicator, train::Requests& requests,
                                    train::Observer& observer) override {
    {
      absl::MutexLock lock(&control_.mutex);
      control_.backstop = requests.backstop;
    }
    while (step_ < Script::kTotalSteps) {
      HEBB_RETURN_IF_ERROR(Step(communicator, observer));
      if (requests.stop) {
        if (requests.stop_checkpoint) HEBB_RETURN_IF_ERROR(Save(communicator, observer));
        return train::RunEnd::kStopped;
      }
      if (requests.leave) return train::RunEnd::kLeft;
    }
    HEBB_RETURN_IF_ERROR(Save(communicator, observer));
    final_.test_accuracy = 0.75;
    return train::RunEnd::kFinished;
  }
  const train::FinalMetrics& final_metrics() const override { return final_; }

 private:
  absl::Status Step(comm::Communicator& communicator, train::Observer& observer) {
    HEBB_RETURN_IF_ERROR(communicator.Barrier(absl::InfiniteFuture()));
    {
      absl::MutexLock lock(&control_.mutex);
      ++control_.computing;
      const auto free = [this] { return !control_.block; };
      control_.mutex.AwaitWithTimeout(absl::Condition(&free), kPatience);
      --control_.computing;
      const auto failure = control_.failures.find(step_ + 1);
      if (failure != control_.failures.end()) return failure->second;
    }
    ++step_;
    const int64_t epoch = step_ / Script::kStepsPerEpoch;
    train::StepReport report;
    report.step = step_;
    report.epoch = epoch;
    report.train_loss = 1.0 / static_cast<double>(step_);
    report.images_per_second = 100;
    observer.StepDone(report);
    if (step_ % Script::kStepsPerEpoch != 0) return absl::OkStatus();
    train::EpochMetrics metrics;
    metrics.epoch = epoch;
    metrics.step = step_;
    metrics.train_loss = report.train_loss;
    metrics.alignment = {{"out", 0.5}};
    observer.EpochDone(metrics);
    return step_ < Script::kTotalSteps ? Save(communicator, observer) : absl::OkStatus();
  }

  absl::Status Save(comm::Communicator& communicator, train::Observer& observer) {
    if (communicator.topology().rank != 0) return absl::OkStatus();
    checkpoint::Checkpoint unit;
    unit.tensors = {{"out.weight", {1}, {static_cast<float>(step_)}}};
    unit.progress.step = step_;
    unit.job_id = "job-a";
    return observer.SaveCheckpoint({unit, weights::SourcesOf(unit.tensors)});
  }

  absl::Status Loaded(const char* what, const std::string& bytes) {
    absl::MutexLock lock(&control_.mutex);
    control_.loaded = absl::StrCat(what, bytes);
    return absl::OkStatus();
  }

  Control& control_;
  std::shared_ptr<void> held_;
  int64_t step_ = 0;
  train::FinalMetrics final_;
};

absl::StatusOr<std::unique_ptr<comm::Communicator>> FormGang(Control& control, const GangPlan& plan,
                                                             comm::Rendezvous& rendezvous,
                                                             Cancellation& cancellation) {
  Script::Mesh mesh;
  {
    absl::MutexLock lock(&control.mutex);
    ++control.forming;
    control.plans.push_back(plan);
    mesh = control.mesh;
  }
  if (mesh == Script::Mesh::kHangs) {
    if (cancellation.Pause(kPatience)) return absl::DeadlineExceededError("a mesh that hung");
    return absl::AbortedError("mesh broken off");
  }
  if (mesh == Script::Mesh::kAsksRendezvous) {
    HEBB_RETURN_IF_ERROR(rendezvous.Set("rank0", "address"));
    HEBB_RETURN_IF_ERROR(rendezvous.Get("rank0", absl::Now() + kPatience).status());
    HEBB_RETURN_IF_ERROR(rendezvous.Get("rank1", absl::Now() + kPatience).status());
  }
  return std::make_unique<FakeCommunicator>(control, plan.topology);
}

}  // namespace

Script::Script() : control_(std::make_unique<Control>()) {}
Script::~Script() = default;

void Script::Permit(int steps) {
  absl::MutexLock lock(&control_->mutex);
  control_->permits += steps;
}

void Script::FailDataWith(absl::Status status) {
  absl::MutexLock lock(&control_->mutex);
  control_->data = std::move(status);
}

void Script::FailStep(int64_t step, absl::Status status) {
  absl::MutexLock lock(&control_->mutex);
  control_->failures[step] = std::move(status);
}

void Script::SetMesh(Mesh mesh) {
  absl::MutexLock lock(&control_->mutex);
  control_->mesh = mesh;
}

void Script::BlockCompute(bool block) {
  absl::MutexLock lock(&control_->mutex);
  control_->block = block;
}

bool Script::AwaitForming(int count) {
  return control_->Await([&] { return control_->forming >= count; });
}

bool Script::AwaitStepping() {
  return control_->Await([&] { return control_->stepping > 0; });
}

bool Script::AwaitComputing() {
  return control_->Await([&] { return control_->computing > 0; });
}

bool Script::AwaitNoCommunicator() {
  return control_->Await([&] { return control_->live == 0; });
}

bool Script::AwaitNoTrainer() {
  return control_->Await([&] { return control_->trainers == 0; });
}

void Script::HoldInTrainer(std::function<std::shared_ptr<void>()> make) {
  absl::MutexLock lock(&control_->mutex);
  control_->held = std::move(make);
}

int Script::live_communicators() const {
  absl::MutexLock lock(&control_->mutex);
  return control_->live;
}

std::vector<GangPlan> Script::plans() const {
  absl::MutexLock lock(&control_->mutex);
  return control_->plans;
}

absl::Duration Script::backstop() const {
  absl::MutexLock lock(&control_->mutex);
  return control_->backstop;
}

std::string Script::loaded() const {
  absl::MutexLock lock(&control_->mutex);
  return control_->loaded;
}

Numerics Script::numerics() {
  Control& control = *control_;
  Numerics numerics;
  numerics.open_dataset =
      [&control](const spec::Dataset&) -> absl::StatusOr<std::unique_ptr<data::Dataset>> {
    absl::MutexLock lock(&control.mutex);
    if (!control.data.ok()) return control.data;
    return std::make_unique<FakeDataset>();
  };
  numerics.create_trainer =
      [&control](const train::TrainerOptions&,
                 const data::Dataset&) -> absl::StatusOr<std::unique_ptr<train::Trainer>> {
    return std::make_unique<FakeTrainer>(control);
  };
  numerics.form_gang = [&control](const GangPlan& plan, comm::Rendezvous& rendezvous,
                                  Cancellation& cancellation, absl::Time) {
    return FormGang(control, plan, rendezvous, cancellation);
  };
  return numerics;
}

}  // namespace hebb::runtime
