// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/catalog.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace hebb::metrics {
namespace {

constexpr auto kGauge = MetricKind::kGauge;
constexpr auto kCounter = MetricKind::kCounter;
constexpr auto kHistogram = MetricKind::kHistogram;
constexpr auto kCoordinator = ServedBy::kCoordinator;
constexpr auto kWorker = ServedBy::kWorker;
constexpr auto kBoth = ServedBy::kBoth;

constexpr auto kCatalog = std::to_array<MetricInfo>({
    // The service.
    {kCoordinator, "hebb_store_up", kGauge, "", "",
     "1 if the job store can be read; the job series are missing while it is 0."},
    {kCoordinator, "hebb_store_duration_seconds", kHistogram, "operation", "seconds",
     "Time of an operation of the job store: read, or write (until it is durable)."},
    {kCoordinator, "hebb_rpc_requests_total", kCounter, "code, method", "",
     "gRPC calls that ended, by method and status code; health and reflection are other."},
    {kCoordinator, "hebb_rpc_duration_seconds", kHistogram, "method", "seconds",
     "Duration of gRPC calls; of a stream, how long it was open."},
    // The queue.
    {kCoordinator, "hebb_jobs", kGauge, "state", "", "Jobs in the store by state."},
    {kCoordinator, "hebb_jobs_waiting", kGauge, "reason", "",
     "Queued jobs by the reason why they wait, as of the scheduler's last decision."},
    {kCoordinator, "hebb_queue_oldest_timestamp_seconds", kGauge, "", "seconds",
     "When the queued job that was submitted first was submitted; missing while none is queued."},
    {kCoordinator, "hebb_job_queue_wait_seconds", kHistogram, "", "seconds",
     "Time from a job's submission to the start of its first attempt."},
    {kCoordinator, "hebb_scheduler_decisions_total", kCounter, "decision", "",
     "Decisions of the scheduler: started, preempted, or the reason for which a job now waits."},
    {kCoordinator, "hebb_attempts_ended_total", kCounter, "outcome", "",
     "Attempts that ended, by outcome."},
    // Workers, as the coordinator sees them.
    {kCoordinator, "hebb_workers", kGauge, "state", "",
     "Attached workers: idle, busy, draining, silent (no heartbeat in time)."},
    {kCoordinator, "hebb_worker_heartbeat_timestamp_seconds", kGauge, "worker, host, device",
     "seconds", "When an attached worker was last heard of."},
    {kCoordinator, "hebb_recoveries_total", kCounter, "reason", "",
     "Recoveries since the coordinator's start: attempt_lost (to be resumed from a checkpoint) or "
     "worker_lost (a gang went on without it, or ended)."},
    {kCoordinator, "hebb_lost_steps_total", kCounter, "", "",
     "Completed steps that a resumed attempt had to do again."},
    // A job.
    {kCoordinator, "hebb_job_info", kGauge, "job, name, rule, dataset", "",
     "Always 1; the labels say what the job is."},
    {kCoordinator, "hebb_job_state", kGauge, "job, name, state", "",
     "1 for the state that the job is in; the others have no series."},
    {kCoordinator, "hebb_job_step", kGauge, "job, name", "",
     "Steps completed; a resumed attempt may go back."},
    {kCoordinator, "hebb_job_total_steps", kGauge, "job, name", "",
     "Steps that the job takes in all; missing until a worker has told them."},
    {kCoordinator, "hebb_job_epoch", kGauge, "job, name", "", "Epochs completed."},
    {kCoordinator, "hebb_job_train_loss", kGauge, "job, name", "",
     "Mean training loss of the last epoch, or so far in it."},
    {kCoordinator, "hebb_job_train_accuracy", kGauge, "job, name", "ratio",
     "Training accuracy of the last epoch, or so far in it."},
    {kCoordinator, "hebb_job_validation_accuracy", kGauge, "job, name", "ratio",
     "Accuracy on the validation records."},
    {kCoordinator, "hebb_job_test_accuracy", kGauge, "job, name", "ratio",
     "Accuracy on the test records."},
    {kCoordinator, "hebb_job_images_per_second", kGauge, "job, name", "images per second",
     "Images trained per second of step time, last attempt."},
    {kCoordinator, "hebb_checkpoint_last_success_timestamp_seconds", kGauge, "job, name", "seconds",
     "When the job's last checkpoint became durable."},
    {kCoordinator, "hebb_checkpoint_size_bytes", kGauge, "job, name", "bytes",
     "Size of the job's last checkpoint."},
    // A job's layers.
    {kCoordinator, "hebb_layer_alignment_cosine", kGauge, "job, layer", "ratio",
     "Cosine between a layer's feedforward and feedback weights, at the end of the last epoch."},
    {kCoordinator, "hebb_layer_error_angle_degrees", kGauge, "job, layer", "degrees",
     "Angle between the error that the rule sends to a layer's output and the true gradient (under "
     "`skip_gradient: dropped` that of a network without those paths), over up to 256 training "
     "records at the end of the last epoch (`diagnostics.every_epochs`)."},
    {kCoordinator, "hebb_layer_saturated_ratio", kGauge, "job, layer", "ratio",
     "Share of units whose slope is below 1 % of the activation's largest, on the same records."},
    {kCoordinator, "hebb_layer_sparsity_ratio", kGauge, "job, layer", "ratio",
     "Share of units that put out exactly 0, on the same records."},
    {kCoordinator, "hebb_layer_update_norm", kGauge, "job, layer, matrix", "",
     "Norm of the last step's update of W (forward) and R (feedback), times the rate; R's is 0 "
     "where it is fixed."},
    // A worker.
    {kWorker, "hebb_worker_attached", kGauge, "", "",
     "1 while the coordinator has welcomed this worker."},
    {kWorker, "hebb_worker_steps_total", kCounter, "", "", "Training steps completed."},
    {kWorker, "hebb_worker_images_total", kCounter, "", "",
     "Images trained on by this worker (its share of each batch)."},
    {kWorker, "hebb_worker_step_duration_seconds", kHistogram, "phase", "seconds",
     "Time of a training step by phase: data, forward, backward, wait (for slower workers), sum "
     "(the rest of the stand for the gang's sums), update; together the whole step."},
    {kWorker, "hebb_worker_allreduce_bytes_total", kCounter, "", "bytes",
     "Bytes of the vectors that were summed over the gang, each counted once per sum."},
    {kWorker, "hebb_worker_allreduce_seconds_total", kCounter, "", "seconds",
     "Time in which the communication thread summed, most of it beside the computing."},
    {kWorker, "hebb_worker_generations_total", kCounter, "", "",
     "Communicators formed by this worker."},
    {kWorker, "hebb_worker_nonfinite_losses_total", kCounter, "", "",
     "Attempts that failed because a loss was not finite."},
    {kWorker, "hebb_worker_checkpoint_saves_total", kCounter, "outcome", "",
     "Checkpoints written to this worker's disk: ok, failed."},
    {kWorker, "hebb_worker_checkpoint_save_duration_seconds", kHistogram, "", "seconds",
     "Time to write a checkpoint to this worker's disk; the gang stands meanwhile."},
    {kWorker, "hebb_worker_checkpoint_uploads_total", kCounter, "outcome", "",
     "Checkpoints sent to the coordinator (ok), or given up (failed)."},
    {kWorker, "hebb_worker_checkpoint_upload_duration_seconds", kHistogram, "", "seconds",
     "Time to send a checkpoint that the coordinator took, beside the training."},
    {kWorker, "hebb_worker_device_memory_bytes", kGauge, "kind", "bytes",
     "Memory of the worker's GPU: total, free; 0 without one."},
    {kWorker, "hebb_worker_device_memory_missing_bytes", kGauge, "", "bytes",
     "What of the GPU's free memory had not come back when the last job ended; 0: all had."},
    // The job that a worker is in.
    {kWorker, "hebb_worker_job_info", kGauge, "job", "",
     "Always 1; the label says which job this worker trains, or trained last."},
    {kWorker, "hebb_worker_gang_size", kGauge, "job", "", "Workers in the job's gang."},
    {kWorker, "hebb_worker_straggler_ratio", kGauge, "job", "ratio",
     "This worker's own time for a step over the mean of its gang, of the last steps; above 1 the "
     "others wait for it."},
    {kWorker, "hebb_worker_step", kGauge, "job", "", "Steps completed of the job."},
    {kWorker, "hebb_worker_train_loss", kGauge, "job", "",
     "Mean training loss so far in this epoch."},
    {kWorker, "hebb_worker_train_accuracy_ratio", kGauge, "job", "ratio",
     "Training accuracy so far in this epoch."},
    {kWorker, "hebb_worker_validation_accuracy_ratio", kGauge, "job", "ratio",
     "Validation accuracy after the last epoch."},
    {kWorker, "hebb_worker_images_per_second", kGauge, "job", "images per second",
     "Trained images of the gang per second."},
    // Any of the programs.
    {kBoth, "hebb_build_info", kGauge, "program, version", "",
     "Always 1; the labels say which build this is."},
    {kBoth, "hebb_disk_free_bytes", kGauge, "", "bytes",
     "Free on the disk of the coordinator's state folder, or the worker's folder for checkpoints."},
    {kBoth, "hebb_disk_size_bytes", kGauge, "", "bytes", "Size of that disk."},
    {kBoth, "process_cpu_seconds_total", kCounter, "", "seconds",
     "Processor time that the process has used."},
    {kBoth, "process_resident_memory_bytes", kGauge, "", "bytes", "Memory that the process holds."},
    {kBoth, "process_start_time_seconds", kGauge, "", "seconds", "When the process started."},
    {kBoth, "process_open_fds", kGauge, "", "", "Open files and connections."},
    {kBoth, "process_max_fds", kGauge, "", "", "How many it may have open."},
});

const char* KindName(MetricKind kind) {
  switch (kind) {
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kHistogram:
      break;
  }
  return "histogram";
}

std::string Table(ServedBy served_by) {
  std::string table = "| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n";
  for (const MetricInfo& metric : kCatalog) {
    if (metric.served_by != served_by) continue;
    absl::StrAppend(&table, "| `", metric.name, "` | ", KindName(metric.kind), " | ", metric.labels,
                    " | ", metric.unit, " | ", metric.help, " |\n");
  }
  return table;
}

}  // namespace

std::span<const MetricInfo> Catalog() { return kCatalog; }

const MetricInfo& MetricOf(absl::string_view name) {
  const auto found = std::find_if(kCatalog.begin(), kCatalog.end(),
                                  [&](const MetricInfo& metric) { return metric.name == name; });
  HEBB_CHECK(found != kCatalog.end());
  return *found;
}

std::string MetricsReference() {
  return absl::StrCat("## Served by the coordinator\n\n", Table(kCoordinator),
                      "\n## Served by each worker\n\n", Table(kWorker), "\n## Served by both\n\n",
                      Table(kBoth));
}

}  // namespace hebb::metrics
