// SPDX-License-Identifier: Apache-2.0
#include "server/http/coordinator_metrics.h"

#include <array>
#include <optional>

#include "absl/time/clock.h"
#include "common/log.h"
#include "common/status_macros.h"

namespace hebb::http {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<job::State, 9> kStates = {
    job::State::kQueued,    job::State::kStarting,  job::State::kRunning,
    job::State::kPausing,   job::State::kPaused,    job::State::kCancelling,
    job::State::kCancelled, job::State::kSucceeded, job::State::kFailed};
constexpr std::array<const char*, 4> kWorkerStates = {"idle", "busy", "draining", "silent"};
// Known from the start, so that a rate over them is right from the first recovery on.
constexpr std::array<const char*, 2> kRecoveries = {"attempt_lost", "worker_lost"};

MetricFamily Family(const char* name, const char* help, MetricType type = MetricType::Gauge) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  return family;
}

void Add(MetricFamily& family, const Labels& labels, double value) {
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  for (const auto& [name, text] : labels) metric.label.push_back({name, text});
  if (family.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

MetricFamily JobsByState(const Sample& sample) {
  MetricFamily family = Family("hebb_jobs", "Jobs in the store by state.");
  for (job::State state : kStates) {
    const auto it = sample.jobs_by_state.find(state);
    const int64_t count = it == sample.jobs_by_state.end() ? 0 : it->second;
    Add(family, {{"state", std::string(job::StateName(state))}}, static_cast<double>(count));
  }
  return family;
}

MetricFamily WorkersByState(const Fleet& fleet) {
  std::map<std::string, int64_t> count;
  for (const char* state : kWorkerStates) count[state] = 0;
  for (const FleetWorker& worker : fleet.workers) ++count[worker.state];
  MetricFamily family = Family("hebb_workers", "Attached workers by state.");
  for (const auto& [state, n] : count) Add(family, {{"state", state}}, static_cast<double>(n));
  return family;
}

MetricFamily Recoveries(const Fleet& fleet) {
  std::map<std::string, int64_t> count = fleet.recoveries;
  for (const char* reason : kRecoveries) count.emplace(reason, 0);
  MetricFamily family =
      Family("hebb_recoveries_total",
             "Recoveries since the coordinator's start: attempt_lost (resumed from a checkpoint) "
             "or worker_lost (the others went on).",
             MetricType::Counter);
  for (const auto& [reason, n] : count) Add(family, {{"reason", reason}}, static_cast<double>(n));
  return family;
}

// One gauge with a value for each job; a job without one has no series.
using Value = std::optional<double> (*)(const JobSample&);
struct JobGauge {
  const char* name;
  const char* help;
  Value value;
};

constexpr std::array<JobGauge, 8> kJobGauges = {{
    {"hebb_job_step", "Steps completed.",
     [](const JobSample& s) { return std::optional<double>(s.job.step); }},
    {"hebb_job_epoch", "Epochs completed.",
     [](const JobSample& s) { return std::optional<double>(s.job.epoch); }},
    {"hebb_job_train_loss", "Mean training loss of the last epoch, or so far in it.",
     [](const JobSample& s) { return s.job.metrics.train_loss; }},
    {"hebb_job_train_accuracy", "Training accuracy of the last epoch, or so far in it (ratio).",
     [](const JobSample& s) { return s.job.metrics.train_accuracy; }},
    {"hebb_job_validation_accuracy", "Accuracy on the validation records (ratio).",
     [](const JobSample& s) { return s.job.metrics.validation_accuracy; }},
    {"hebb_job_test_accuracy", "Accuracy on the test records (ratio).",
     [](const JobSample& s) { return s.job.metrics.test_accuracy; }},
    {"hebb_job_images_per_second", "Images trained per second of step time, last attempt.",
     [](const JobSample& s) { return std::optional<double>(s.job.images_per_second); }},
    {"hebb_checkpoint_last_success_timestamp_seconds",
     "When the job's last checkpoint became durable.",
     [](const JobSample& s) -> std::optional<double> {
       if (s.last_checkpoint == absl::InfinitePast()) return std::nullopt;
       return absl::ToDoubleSeconds(s.last_checkpoint - absl::UnixEpoch());
     }},
}};

MetricFamily PerJob(const JobGauge& gauge, const std::vector<JobSample>& jobs) {
  MetricFamily family = Family(gauge.name, gauge.help);
  for (const JobSample& sample : jobs) {
    const std::optional<double> value = gauge.value(sample);
    if (!value.has_value()) continue;
    Add(family, {{"job", sample.job.id}, {"name", sample.job.name}}, *value);
  }
  return family;
}

MetricFamily Alignment(const std::vector<JobSample>& jobs) {
  MetricFamily family = Family("hebb_layer_alignment_cosine",
                               "Cosine between a layer's feedforward and feedback weights, at the "
                               "end of the last epoch.");
  for (const JobSample& sample : jobs) {
    for (const auto& [layer, cosine] : sample.alignment) {
      Add(family, {{"job", sample.job.id}, {"layer", layer}}, cosine);
    }
  }
  return family;
}

// One gauge with a value for each layer of a job; a layer without one has no series.
struct LayerGauge {
  const char* name;
  const char* help;
  const char* matrix;  // a label, or null
  std::optional<double> job::LayerState::*value;
};

constexpr std::array<LayerGauge, 5> kLayerGauges = {{
    {"hebb_layer_error_angle_degrees",
     "Angle between the error that the rule sends to a layer and the true gradient.", nullptr,
     &job::LayerState::error_angle},
    {"hebb_layer_saturated_ratio", "Share of units whose slope is below 1 % of the largest.",
     nullptr, &job::LayerState::saturated},
    {"hebb_layer_sparsity_ratio", "Share of units that put out exactly 0.", nullptr,
     &job::LayerState::sparsity},
    {"hebb_layer_update_norm", "Norm of the last step's update of a matrix, times the rate.",
     "forward", &job::LayerState::forward_update_norm},
    {"hebb_layer_update_norm", "Norm of the last step's update of a matrix, times the rate.",
     "feedback", &job::LayerState::feedback_update_norm},
}};

void AddLayers(const LayerGauge& gauge, const std::vector<JobSample>& jobs,
               std::vector<MetricFamily>& families) {
  if (families.empty() || families.back().name != gauge.name) {
    families.push_back(Family(gauge.name, gauge.help));
  }
  for (const JobSample& sample : jobs) {
    for (const job::LayerState& layer : sample.layers) {
      const std::optional<double> value = layer.*gauge.value;
      if (!value) continue;
      Labels labels = {{"job", sample.job.id}, {"layer", layer.layer}};
      if (gauge.matrix != nullptr) labels.emplace_back("matrix", gauge.matrix);
      Add(families.back(), labels, *value);
    }
  }
}

MetricFamily BuildInfo(const std::string& version) {
  MetricFamily family = Family("hebb_build_info", "Always 1; the label says which build this is.");
  Add(family, {{"version", version}}, 1);
  return family;
}

MetricFamily StoreUp(bool up) {
  MetricFamily family = Family("hebb_store_up", "1 if the job store could be read, else 0.");
  Add(family, {}, up ? 1 : 0);
  return family;
}

absl::StatusOr<Sample> ReadSample(store::JobStore& store, absl::Time now) {
  HEBB_ASSIGN_OR_RETURN(store::JobStore::Overview overview,
                        store.ReadOverview(now - kSeriesAfterEnd));
  Sample sample;
  sample.jobs_by_state = std::move(overview.count);
  for (job::Job& job : overview.recent) {
    JobSample& entry = sample.jobs.emplace_back();
    HEBB_ASSIGN_OR_RETURN(std::vector<job::EpochRecord> epochs, store.Epochs(job.id));
    HEBB_ASSIGN_OR_RETURN(const std::vector<job::FileRef> files, store.Checkpoints(job.id));
    if (!epochs.empty()) {
      entry.alignment = std::move(epochs.back().alignment);
      entry.layers = std::move(epochs.back().layers);
    }
    if (!files.empty()) entry.last_checkpoint = files.back().stored;
    entry.job = std::move(job);
  }
  return sample;
}

}  // namespace

std::vector<MetricFamily> MakeFamilies(const Sample& sample) {
  std::vector<MetricFamily> families = {BuildInfo(sample.version), JobsByState(sample),
                                        WorkersByState(sample.fleet), Recoveries(sample.fleet)};
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
