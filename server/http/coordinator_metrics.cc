// SPDX-License-Identifier: Apache-2.0
#include "server/http/coordinator_metrics.h"

#include <algorithm>
#include <array>
#include <optional>

#include "absl/time/clock.h"
#include "common/log.h"
#include "common/metrics/families.h"
#include "common/status_macros.h"

namespace hebb::http {
namespace {

using metrics::AddSeries;
using metrics::Labels;
using metrics::MakeFamily;
using prometheus::MetricFamily;

constexpr std::array<job::State, 9> kStates = {
    job::State::kQueued,    job::State::kStarting,  job::State::kRunning,
    job::State::kPausing,   job::State::kPaused,    job::State::kCancelling,
    job::State::kCancelled, job::State::kSucceeded, job::State::kFailed};
constexpr std::array<const char*, 4> kWorkerStates = {"idle", "busy", "draining", "silent"};
// Known from the start, so that a rate over them is right from the first recovery on.
constexpr std::array<const char*, 2> kRecoveries = {"attempt_lost", "worker_lost"};

MetricFamily JobsByState(const Sample& sample) {
  MetricFamily family = MakeFamily("hebb_jobs");
  for (job::State state : kStates) {
    const auto it = sample.jobs_by_state.find(state);
    const int64_t count = it == sample.jobs_by_state.end() ? 0 : it->second;
    AddSeries(family, {{"state", std::string(job::StateName(state))}}, static_cast<double>(count));
  }
  return family;
}

MetricFamily WorkersByState(const Fleet& fleet) {
  std::map<std::string, int64_t> count;
  for (const char* state : kWorkerStates) count[state] = 0;
  for (const FleetWorker& worker : fleet.workers) ++count[worker.state];
  MetricFamily family = MakeFamily("hebb_workers");
  for (const auto& [state, n] : count)
    AddSeries(family, {{"state", state}}, static_cast<double>(n));
  return family;
}

MetricFamily Recoveries(const Fleet& fleet) {
  std::map<std::string, int64_t> count = fleet.recoveries;
  for (const char* reason : kRecoveries) count.emplace(reason, 0);
  MetricFamily family = MakeFamily("hebb_recoveries_total");
  for (const auto& [reason, n] : count)
    AddSeries(family, {{"reason", reason}}, static_cast<double>(n));
  return family;
}

double SinceEpoch(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

MetricFamily Waiting(const Fleet& fleet) {
  MetricFamily family = MakeFamily("hebb_jobs_waiting");
  for (const auto& [reason, n] : fleet.waiting) {
    AddSeries(family, {{"reason", reason}}, static_cast<double>(n));
  }
  return family;
}

MetricFamily OldestQueued(const std::vector<JobSample>& jobs) {
  MetricFamily family = MakeFamily("hebb_queue_oldest_timestamp_seconds");
  absl::Time oldest = absl::InfiniteFuture();
  for (const JobSample& sample : jobs) {
    if (sample.job.state == job::State::kQueued) oldest = std::min(oldest, sample.job.created);
  }
  if (oldest < absl::InfiniteFuture()) AddSeries(family, {}, SinceEpoch(oldest));
  return family;
}

MetricFamily Heartbeats(const Fleet& fleet) {
  MetricFamily family = MakeFamily("hebb_worker_heartbeat_timestamp_seconds");
  for (const FleetWorker& worker : fleet.workers) {
    AddSeries(family, {{"worker", worker.id}, {"host", worker.host}, {"device", worker.device}},
              SinceEpoch(worker.last_heartbeat));
  }
  return family;
}

MetricFamily JobInfo(const std::vector<JobSample>& jobs) {
  MetricFamily family = MakeFamily("hebb_job_info");
  for (const JobSample& sample : jobs) {
    const job::Job& job = sample.job;
    AddSeries(family,
              {{"job", job.id}, {"name", job.name}, {"rule", job.rule}, {"dataset", job.dataset}},
              1);
  }
  return family;
}

MetricFamily JobState(const std::vector<JobSample>& jobs) {
  MetricFamily family = MakeFamily("hebb_job_state");
  for (const JobSample& sample : jobs) {
    const job::Job& job = sample.job;
    AddSeries(family,
              {{"job", job.id}, {"name", job.name}, {"state", std::string(StateName(job.state))}},
              1);
  }
  return family;
}

// One gauge with a value for each job; a job without one has no series.
using Value = std::optional<double> (*)(const JobSample&);
struct JobGauge {
  const char* name;
  Value value;
};

constexpr std::array<JobGauge, 10> kJobGauges = {{
    {"hebb_job_step", [](const JobSample& s) { return std::optional<double>(s.job.step); }},
    {"hebb_job_total_steps",
     [](const JobSample& s) -> std::optional<double> {
       if (s.job.total_steps <= 0) return std::nullopt;
       return s.job.total_steps;
     }},
    {"hebb_job_epoch", [](const JobSample& s) { return std::optional<double>(s.job.epoch); }},
    {"hebb_job_train_loss", [](const JobSample& s) { return s.job.metrics.train_loss; }},
    {"hebb_job_train_accuracy", [](const JobSample& s) { return s.job.metrics.train_accuracy; }},
    {"hebb_job_validation_accuracy",
     [](const JobSample& s) { return s.job.metrics.validation_accuracy; }},
    {"hebb_job_test_accuracy", [](const JobSample& s) { return s.job.metrics.test_accuracy; }},
    {"hebb_job_images_per_second",
     [](const JobSample& s) { return std::optional<double>(s.job.images_per_second); }},
    {"hebb_checkpoint_last_success_timestamp_seconds",
     [](const JobSample& s) -> std::optional<double> {
       if (!s.last_checkpoint || s.last_checkpoint->stored == absl::InfinitePast()) {
         return std::nullopt;
       }
       return SinceEpoch(s.last_checkpoint->stored);
     }},
    {"hebb_checkpoint_size_bytes",
     [](const JobSample& s) -> std::optional<double> {
       if (!s.last_checkpoint) return std::nullopt;
       return s.last_checkpoint->bytes;
     }},
}};

MetricFamily PerJob(const JobGauge& gauge, const std::vector<JobSample>& jobs) {
  MetricFamily family = MakeFamily(gauge.name);
  for (const JobSample& sample : jobs) {
    const std::optional<double> value = gauge.value(sample);
    if (!value.has_value()) continue;
    AddSeries(family, {{"job", sample.job.id}, {"name", sample.job.name}}, *value);
  }
  return family;
}

MetricFamily Alignment(const std::vector<JobSample>& jobs) {
  MetricFamily family = MakeFamily("hebb_layer_alignment_cosine");
  for (const JobSample& sample : jobs) {
    for (const auto& [layer, cosine] : sample.alignment) {
      AddSeries(family, {{"job", sample.job.id}, {"layer", layer}}, cosine);
    }
  }
  return family;
}

// One gauge with a value for each layer of a job; a layer without one has no series.
struct LayerGauge {
  const char* name;
  const char* matrix;  // a label, or null
  std::optional<double> job::LayerState::*value;
};

constexpr std::array<LayerGauge, 5> kLayerGauges = {{
    {"hebb_layer_error_angle_degrees", nullptr, &job::LayerState::error_angle},
    {"hebb_layer_saturated_ratio", nullptr, &job::LayerState::saturated},
    {"hebb_layer_sparsity_ratio", nullptr, &job::LayerState::sparsity},
    {"hebb_layer_update_norm", "forward", &job::LayerState::forward_update_norm},
    {"hebb_layer_update_norm", "feedback", &job::LayerState::feedback_update_norm},
}};

void AddLayers(const LayerGauge& gauge, const std::vector<JobSample>& jobs,
               std::vector<MetricFamily>& families) {
  if (families.empty() || families.back().name != gauge.name) {
    families.push_back(MakeFamily(gauge.name));
  }
  for (const JobSample& sample : jobs) {
    for (const job::LayerState& layer : sample.layers) {
      const std::optional<double> value = layer.*gauge.value;
      if (!value) continue;
      Labels labels = {{"job", sample.job.id}, {"layer", layer.layer}};
      if (gauge.matrix != nullptr) labels.emplace_back("matrix", gauge.matrix);
      AddSeries(families.back(), labels, *value);
    }
  }
}

MetricFamily BuildInfo(const std::string& version) {
  MetricFamily family = MakeFamily("hebb_build_info");
  AddSeries(family, {{"program", "hebb-coordinator"}, {"version", version}}, 1);
  return family;
}

MetricFamily StoreUp(bool up) {
  MetricFamily family = MakeFamily("hebb_store_up");
  AddSeries(family, {}, up ? 1 : 0);
  return family;
}

absl::StatusOr<Sample> ReadSample(store::JobStore& store, absl::Time now) {
  HEBB_ASSIGN_OR_RETURN(store::JobStore::Overview overview,
                        store.ReadOverview(now - kSeriesAfterEnd));
  Sample sample;
  sample.jobs_by_state = std::move(overview.count);
  for (job::Job& job : overview.recent) {
    JobSample& entry = sample.jobs.emplace_back();
    if (job.step > 0) {  // one that only waits has neither: a long queue is scraped fast
      HEBB_ASSIGN_OR_RETURN(std::vector<job::EpochRecord> epochs, store.Epochs(job.id));
      HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> files, store.Checkpoints(job.id));
      if (!epochs.empty()) {
        entry.alignment = std::move(epochs.back().alignment);
        entry.layers = std::move(epochs.back().layers);
      }
      if (!files.empty()) entry.last_checkpoint = files.back();
    }
    entry.job = std::move(job);
  }
  return sample;
}

}  // namespace

std::vector<MetricFamily> MakeFamilies(const Sample& sample) {
  std::vector<MetricFamily> families = {
      BuildInfo(sample.version), JobsByState(sample),      WorkersByState(sample.fleet),
      Recoveries(sample.fleet),  Heartbeats(sample.fleet), Waiting(sample.fleet),
      OldestQueued(sample.jobs), JobInfo(sample.jobs),     JobState(sample.jobs)};
  for (const JobGauge& gauge : kJobGauges) families.push_back(PerJob(gauge, sample.jobs));
  families.push_back(Alignment(sample.jobs));
  for (const LayerGauge& gauge : kLayerGauges) AddLayers(gauge, sample.jobs, families);
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

std::vector<MetricFamily> CoordinatorMetrics::Collect() const {
  absl::StatusOr<Sample> sample = ReadSample(store_, absl::Now());
  if (!sample.ok()) {
    LogWarning("metrics: the store cannot be read",
               {{"cause", std::string(sample.status().message())}});
    return {StoreUp(false), BuildInfo(version_), WorkersByState(fleet_.Snapshot())};
  }
  sample->fleet = fleet_.Snapshot();
  sample->version = version_;
  std::vector<MetricFamily> families = MakeFamilies(*sample);
  families.push_back(StoreUp(true));
  return families;
}

}  // namespace hebb::http
