// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/worker_metrics.h"

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/metrics/counted.h"
#include "common/metrics/families.h"
#include "common/metrics/process_metrics.h"

namespace hebb::runtime {
namespace {

using metrics::CounterFamily;
using metrics::GaugeFamily;
using metrics::HistogramFamily;
using metrics::MakeCounter;
using metrics::MakeGauge;
using metrics::MakeHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

// Seconds.
const Histogram::BucketBoundaries kStepBuckets = {0.0003, 0.001, 0.003, 0.01, 0.03, 0.1,
                                                  0.3,    1,     3,     10,   30};
const Histogram::BucketBoundaries kFileBuckets = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3,
                                                  1,     3,     10,   30,   100};

// The straggler ratio follows this share of each step: about the last ten count.
constexpr double kRatioShare = 0.1;

}  // namespace

struct WorkerMetrics::Series {
  explicit Series(const std::string& folder) : process(folder) {}

  const metrics::ProcessMetrics process;
  prometheus::Registry registry;
  Gauge& attached = MakeGauge(registry, "hebb_worker_attached");
  Counter& steps = MakeCounter(registry, "hebb_worker_steps_total");
  Counter& images = MakeCounter(registry, "hebb_worker_images_total");
  Counter& generations = MakeCounter(registry, "hebb_worker_generations_total");
  Counter& nonfinite = MakeCounter(registry, "hebb_worker_nonfinite_losses_total");
  Counter& allreduce_bytes = MakeCounter(registry, "hebb_worker_allreduce_bytes_total");
  Counter& allreduce_seconds = MakeCounter(registry, "hebb_worker_allreduce_seconds_total");
  Family<Histogram>& phases = HistogramFamily(registry, "hebb_worker_step_duration_seconds");
  Histogram& data = phases.Add({{"phase", "data"}}, kStepBuckets);
  Histogram& forward = phases.Add({{"phase", "forward"}}, kStepBuckets);
  Histogram& backward = phases.Add({{"phase", "backward"}}, kStepBuckets);
  Histogram& wait = phases.Add({{"phase", "wait"}}, kStepBuckets);
  Histogram& sum = phases.Add({{"phase", "sum"}}, kStepBuckets);
  Histogram& update = phases.Add({{"phase", "update"}}, kStepBuckets);
  Family<Counter>& saves = CounterFamily(registry, "hebb_worker_checkpoint_saves_total");
  Counter& saves_ok = saves.Add({{"outcome", "ok"}});
  Counter& saves_failed = saves.Add({{"outcome", "failed"}});
  Histogram& save_duration =
      MakeHistogram(registry, "hebb_worker_checkpoint_save_duration_seconds", kFileBuckets);
  Family<Counter>& uploads = CounterFamily(registry, "hebb_worker_checkpoint_uploads_total");
  Counter& uploads_ok = uploads.Add({{"outcome", "ok"}});
  Counter& uploads_failed = uploads.Add({{"outcome", "failed"}});
  Histogram& upload_duration =
      MakeHistogram(registry, "hebb_worker_checkpoint_upload_duration_seconds", kFileBuckets);

  Family<Gauge>& device_memory = GaugeFamily(registry, "hebb_worker_device_memory_bytes");
  Gauge& memory_total = device_memory.Add({{"kind", "total"}});
  Gauge& memory_free = device_memory.Add({{"kind", "free"}});
  Gauge& memory_missing = MakeGauge(registry, "hebb_worker_device_memory_missing_bytes");

  // A job's own gauges, in one family each; there once measured.
  struct JobGauge {
    Family<Gauge>& family;
    Gauge* gauge = nullptr;
  };
  absl::Mutex mutex;
  std::string job ABSL_GUARDED_BY(mutex);
  absl::Time ended ABSL_GUARDED_BY(mutex) = absl::InfiniteFuture();
  double straggler_ratio ABSL_GUARDED_BY(mutex) = 0;  // 0: no step yet
  std::map<std::string, JobGauge> job_gauges ABSL_GUARDED_BY(mutex);

  void AddJobGauge(const char* name) {
    absl::MutexLock lock(&mutex);
    job_gauges.emplace(name, JobGauge{GaugeFamily(registry, name)});
  }

  void Set(const char* name, double value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    JobGauge& entry = job_gauges.at(name);
    if (entry.gauge == nullptr) entry.gauge = &entry.family.Add({{"job", job}});
    entry.gauge->Set(value);
  }

  void RemoveJob() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (auto& [name, entry] : job_gauges) {
      if (entry.gauge != nullptr) entry.family.Remove(entry.gauge);
      entry.gauge = nullptr;
    }
    ended = absl::InfiniteFuture();
    straggler_ratio = 0;
  }

  void SetStep(const train::StepReport& report) {
    absl::MutexLock lock(&mutex);
    straggler_ratio = straggler_ratio == 0
                          ? report.own_ratio
                          : straggler_ratio + kRatioShare * (report.own_ratio - straggler_ratio);
    Set("hebb_worker_straggler_ratio", straggler_ratio);
    Set("hebb_worker_step", static_cast<double>(report.step));
    Set("hebb_worker_train_loss", report.train_loss);
    Set("hebb_worker_train_accuracy_ratio", report.train_accuracy);
    Set("hebb_worker_images_per_second", report.images_per_second);
  }
};

WorkerMetrics::WorkerMetrics(const std::string& build, const std::string& folder,
                             std::function<absl::Time()> clock)
    : clock_(std::move(clock)), series_(std::make_unique<Series>(folder)) {
  GaugeFamily(series_->registry, "hebb_build_info")
      .Add({{"program", "hebb-worker"}, {"version", build}})
      .Set(1);
  for (const char* name :
       {"hebb_worker_job_info", "hebb_worker_gang_size", "hebb_worker_straggler_ratio",
        "hebb_worker_step", "hebb_worker_train_loss", "hebb_worker_train_accuracy_ratio",
        "hebb_worker_images_per_second", "hebb_worker_validation_accuracy_ratio"}) {
    series_->AddJobGauge(name);
  }
}

WorkerMetrics::~WorkerMetrics() = default;

void WorkerMetrics::SetAttached(bool attached) { series_->attached.Set(attached ? 1 : 0); }

bool WorkerMetrics::attached() const { return series_->attached.Value() > 0; }

void WorkerMetrics::BeginJob(const std::string& job) {
  absl::MutexLock lock(&series_->mutex);
  series_->RemoveJob();
  series_->job = job;
  series_->Set("hebb_worker_job_info", 1);
}

void WorkerMetrics::EndJob() {
  absl::MutexLock lock(&series_->mutex);
  series_->ended = clock_();
}

void WorkerMetrics::GenerationFormed(int size) {
  series_->generations.Increment();
  absl::MutexLock lock(&series_->mutex);
  series_->Set("hebb_worker_gang_size", size);
}

void WorkerMetrics::StepDone(const train::StepReport& report) {
  series_->steps.Increment();
  series_->images.Increment(static_cast<double>(report.own_images));
  series_->allreduce_bytes.Increment(static_cast<double>(report.allreduce_bytes));
  series_->allreduce_seconds.Increment(report.allreduce_seconds);
  series_->data.Observe(report.data_seconds);
  series_->forward.Observe(report.forward_seconds);
  series_->backward.Observe(report.backward_seconds);
  series_->wait.Observe(report.wait_seconds);
  series_->sum.Observe(report.sum_seconds);
  series_->update.Observe(report.update_seconds);
  series_->SetStep(report);
}

void WorkerMetrics::EpochDone(const train::EpochMetrics& metrics) {
  if (!metrics.validation_accuracy) return;
  absl::MutexLock lock(&series_->mutex);
  series_->Set("hebb_worker_validation_accuracy_ratio", *metrics.validation_accuracy);
}

void WorkerMetrics::LossNotFinite() { series_->nonfinite.Increment(); }

void WorkerMetrics::SetDeviceMemory(int64_t total, int64_t free) {
  series_->memory_total.Set(static_cast<double>(total));
  series_->memory_free.Set(static_cast<double>(free));
}

void WorkerMetrics::SetDeviceMemoryMissing(int64_t bytes) {
  series_->memory_missing.Set(static_cast<double>(bytes));
}

void WorkerMetrics::CheckpointSaved(bool ok, absl::Duration took) {
  (ok ? series_->saves_ok : series_->saves_failed).Increment();
  if (ok) series_->save_duration.Observe(absl::ToDoubleSeconds(took));
}

void WorkerMetrics::CheckpointUploaded(bool ok) {
  (ok ? series_->uploads_ok : series_->uploads_failed).Increment();
}

void WorkerMetrics::CheckpointUploadTook(absl::Duration took) {
  series_->upload_duration.Observe(absl::ToDoubleSeconds(took));
}

std::vector<prometheus::MetricFamily> WorkerMetrics::Collect() const {
  {
    absl::MutexLock lock(&series_->mutex);
    if (clock_() - series_->ended >= kSeriesAfterEnd) series_->RemoveJob();
  }
  return metrics::CollectAll({&series_->registry, &series_->process});
}

}  // namespace hebb::runtime
