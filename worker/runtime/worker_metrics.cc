// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/worker_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace hebb::runtime {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Counter& MakeCounter(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

Gauge& MakeGauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

Histogram& AddPhase(Family<Histogram>& family, const char* phase) {
  return family.Add({{"phase", phase}}, Histogram::BucketBoundaries{0.0003, 0.001, 0.003, 0.01,
                                                                    0.03, 0.1, 0.3, 1, 3, 10, 30});
}

}  // namespace

struct WorkerMetrics::Series {
  Registry registry;
  Gauge& attached = MakeGauge(registry, "hebb_worker_attached",
                              "1 while the coordinator has welcomed this worker");
  Counter& steps = MakeCounter(registry, "hebb_worker_steps_total", "Training steps completed");
  Counter& images = MakeCounter(registry, "hebb_worker_images_total",
                                "Images trained on by this worker (its share of each batch)");
  Counter& generations =
      MakeCounter(registry, "hebb_worker_generations_total", "Communicators formed by this worker");
  Family<Histogram>& step_duration =
      prometheus::BuildHistogram()
          .Name("hebb_worker_step_duration_seconds")
          .Help("Time of a training step by phase: data, compute, wait (for the sums), apply")
          .Register(registry);
  Histogram& data = AddPhase(step_duration, "data");
  Histogram& compute = AddPhase(step_duration, "compute");
  Histogram& wait = AddPhase(step_duration, "wait");
  Histogram& apply = AddPhase(step_duration, "apply");
  Family<Counter>& uploads = prometheus::BuildCounter()
                                 .Name("hebb_worker_checkpoint_uploads_total")
                                 .Help("Checkpoints sent to the coordinator, or given up")
                                 .Register(registry);
  Counter& uploads_ok = uploads.Add({{"outcome", "ok"}});
  Counter& uploads_failed = uploads.Add({{"outcome", "failed"}});

  // A job's own gauges, in one family each; there once measured.
  struct JobGauge {
    Family<Gauge>& family;
    Gauge* gauge = nullptr;
  };
  absl::Mutex mutex;
  std::string job ABSL_GUARDED_BY(mutex);
  std::map<std::string, JobGauge> job_gauges ABSL_GUARDED_BY(mutex);

  void AddJobGauge(const char* name, const char* help) {
    absl::MutexLock lock(&mutex);
    job_gauges.emplace(name,
                       JobGauge{prometheus::BuildGauge().Name(name).Help(help).Register(registry)});
  }

  void SetJob(const char* name, double value) {
    absl::MutexLock lock(&mutex);
    JobGauge& entry = job_gauges.at(name);
    if (entry.gauge == nullptr) entry.gauge = &entry.family.Add({{"job", job}});
    entry.gauge->Set(value);
  }
};

WorkerMetrics::WorkerMetrics(const std::string& build) : series_(std::make_unique<Series>()) {
  prometheus::BuildGauge()
      .Name("hebb_build_info")
      .Help("1, with the build in its label")
      .Register(series_->registry)
      .Add({{"program", "hebb-worker"}, {"version", build}})
      .Set(1);
  series_->AddJobGauge("hebb_worker_step", "Steps completed of the job");
  series_->AddJobGauge("hebb_worker_train_loss", "Mean training loss so far in this epoch");
  series_->AddJobGauge("hebb_worker_train_accuracy_ratio",
                       "Training accuracy so far in this epoch");
  series_->AddJobGauge("hebb_worker_images_per_second", "Trained images of the gang per second");
  series_->AddJobGauge("hebb_worker_validation_accuracy_ratio",
                       "Validation accuracy after the last epoch");
  series_->AddJobGauge("hebb_worker_gang_size", "Ranks of the job's gang");
}

WorkerMetrics::~WorkerMetrics() = default;

const Registry& WorkerMetrics::registry() const { return series_->registry; }

void WorkerMetrics::SetAttached(bool attached) { series_->attached.Set(attached ? 1 : 0); }

bool WorkerMetrics::attached() const { return series_->attached.Value() > 0; }

void WorkerMetrics::BeginJob(const std::string& job) {
  absl::MutexLock lock(&series_->mutex);
  for (auto& [name, entry] : series_->job_gauges) {
    if (entry.gauge != nullptr) entry.family.Remove(entry.gauge);
    entry.gauge = nullptr;
  }
  series_->job = job;
}

void WorkerMetrics::GenerationFormed(int size) {
  series_->generations.Increment();
  series_->SetJob("hebb_worker_gang_size", size);
}

void WorkerMetrics::StepDone(const train::StepReport& report) {
  series_->steps.Increment();
  series_->images.Increment(static_cast<double>(report.own_images));
  series_->data.Observe(report.data_seconds);
  series_->compute.Observe(report.compute_seconds);
  series_->wait.Observe(report.wait_seconds);
  series_->apply.Observe(report.apply_seconds);
  series_->SetJob("hebb_worker_step", static_cast<double>(report.step));
  series_->SetJob("hebb_worker_train_loss", report.train_loss);
  series_->SetJob("hebb_worker_train_accuracy_ratio", report.train_accuracy);
  series_->SetJob("hebb_worker_images_per_second", report.images_per_second);
}

void WorkerMetrics::EpochDone(const train::EpochMetrics& metrics) {
  if (!metrics.validation_accuracy) return;
  series_->SetJob("hebb_worker_validation_accuracy_ratio", *metrics.validation_accuracy);
}

void WorkerMetrics::CheckpointUploaded(bool ok) {
  (ok ? series_->uploads_ok : series_->uploads_failed).Increment();
}

}  // namespace hebb::runtime
