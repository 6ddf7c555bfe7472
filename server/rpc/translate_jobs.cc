// SPDX-License-Identifier: Apache-2.0
// Jobs for clients.
#include "absl/strings/str_cat.h"
#include "common/log_level_name.h"
#include "common/rpc/spec.h"
#include "common/status_macros.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

void Fill(const job::Metrics& from, v1::Metrics& to) {
  if (from.train_loss) to.set_train_loss(*from.train_loss);
  if (from.train_accuracy) to.set_train_accuracy(*from.train_accuracy);
  if (from.validation_accuracy) to.set_validation_accuracy(*from.validation_accuracy);
  if (from.test_accuracy) to.set_test_accuracy(*from.test_accuracy);
  if (from.test_loss) to.set_test_loss(*from.test_loss);
}

template <typename Message>
void FillPoint(const job::Job& from, Message& to) {
  for (const auto& [key, value] : from.point) {
    v1::GridValue& entry = *to.add_point();
    entry.set_key(key);
    entry.set_value(value);
  }
}

bool IsFinite(absl::Time time) {
  return time != absl::InfinitePast() && time != absl::InfiniteFuture();
}

void Fill(const job::Attempt& from, v1::Attempt& to) {
  to.set_number(from.number);
  to.set_generation(from.generation);
  to.set_outcome(from.outcome);
  to.set_reason(from.reason);
  to.set_start_step(from.start_step);
  if (IsFinite(from.started)) *to.mutable_started() = ToProto(from.started);
  if (IsFinite(from.ended)) *to.mutable_ended() = ToProto(from.ended);
}

}  // namespace

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp stamp;
  const int64_t seconds = absl::ToUnixSeconds(time);
  stamp.set_seconds(seconds);
  stamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return stamp;
}

v1::JobState ToProto(job::State state) {
  switch (state) {
    case job::State::kQueued:
      return v1::QUEUED;
    case job::State::kStarting:
      return v1::STARTING;
    case job::State::kRunning:
      return v1::RUNNING;
    case job::State::kPausing:
      return v1::PAUSING;
    case job::State::kPaused:
      return v1::PAUSED;
    case job::State::kCancelling:
      return v1::CANCELLING;
    case job::State::kCancelled:
      return v1::CANCELLED;
    case job::State::kSucceeded:
      return v1::SUCCEEDED;
    case job::State::kFailed:
      return v1::FAILED;
  }
  return v1::JOB_STATE_UNSPECIFIED;
}

namespace {

v1::LayerState ToProto(const job::LayerState& layer) {
  v1::LayerState proto;
  proto.set_layer(layer.layer);
  if (layer.error_angle) proto.set_error_angle(*layer.error_angle);
  if (layer.saturated) proto.set_saturated(*layer.saturated);
  if (layer.sparsity) proto.set_sparsity(*layer.sparsity);
  if (layer.forward_update_norm) proto.set_forward_update_norm(*layer.forward_update_norm);
  if (layer.feedback_update_norm) proto.set_feedback_update_norm(*layer.feedback_update_norm);
  return proto;
}

}  // namespace

v1::EpochRecord ToProto(const job::EpochRecord& record) {
  v1::EpochRecord proto;
  proto.set_epoch(record.epoch);
  proto.set_step(record.step);
  Fill(record.metrics, *proto.mutable_metrics());
  for (const auto& [layer, cosine] : record.alignment) {
    v1::LayerAlignment& alignment = *proto.add_alignment();
    alignment.set_layer(layer);
    alignment.set_cosine(cosine);
  }
  for (const job::LayerState& layer : record.layers) *proto.add_layers() = ToProto(layer);
  proto.set_seconds(record.seconds);
  return proto;
}

v1::JobEvent ToProto(const job::Event& event) {
  v1::JobEvent line;
  *line.mutable_time() = ToProto(event.time);
  line.set_text(event.text);
  line.set_actor(event.actor);
  line.set_kind(std::string(event.kind.word()));
  return line;
}

v1::LogLine ToProto(const store::LogEntry& entry) {
  v1::LogLine line;
  *line.mutable_time() = ToProto(entry.time);
  line.set_attempt(entry.attempt);
  line.set_rank(entry.rank);
  line.set_text(entry.text);
  line.set_level(std::string(LogLevelName(entry.level)));
  return line;
}

job::Event SubmittedEvent(const job::Job& job) {
  return {job.created, job.sweep.empty() ? "submitted" : absl::StrCat("submitted in ", job.sweep),
          job.user.empty() ? "user" : job.user, "submitted"};
}

namespace {

v1::Failure ToProto(const job::Failure& failure) {
  v1::Failure proto;
  proto.set_attempt(failure.attempt);
  proto.set_rank(failure.rank);
  proto.set_worker(failure.worker);
  proto.set_host(failure.host);
  proto.set_device(failure.device);
  proto.set_step(failure.step);
  proto.set_error(failure.error);
  for (const std::string& line : failure.log_tail) proto.add_log_tail(line);
  return proto;
}

}  // namespace

v1::Provenance ToProto(const job::Provenance& provenance) {
  v1::Provenance proto;
  proto.set_coordinator_build(provenance.coordinator_build);
  for (const job::DataDigest& from : provenance.data) {
    v1::DataDigest& digest = *proto.add_data();
    digest.set_file(from.file);
    digest.set_sha256(from.sha256);
  }
  for (const job::Software& from : provenance.software) {
    v1::Software& software = *proto.add_software();
    software.set_build(from.build);
    software.set_kernel_family(from.kernel_family);
    software.set_processor(from.processor);
    for (const auto& [name, version] : from.libraries) {
      (*software.mutable_libraries())[name] = version;
    }
  }
  return proto;
}

absl::StatusOr<v1::Job> ToProto(const job::Job& job) {
  v1::Job proto = BriefToProto(job);
  auto spec = SpecFromJson(job.spec_json);
  if (!spec.ok()) {
    return absl::InternalError(absl::StrCat("job ", job.id, ": ", spec.status().message()));
  }
  *proto.mutable_spec() = *std::move(spec);
  if (job.failure) *proto.mutable_failure() = ToProto(*job.failure);
  return proto;
}

v1::Job BriefToProto(const job::Job& job) {
  v1::Job proto;
  proto.set_id(job.id);
  proto.set_name(job.name);
  proto.set_state(ToProto(job.state));
  proto.set_reason(job.reason);
  v1::JobSpec& spec = *proto.mutable_spec();
  spec.mutable_learning()->set_epochs(job.epochs);
  spec.mutable_learning()->set_rule(job.rule);
  spec.mutable_dataset()->set_name(job.dataset);
  spec.mutable_resources()->set_workers(job.workers);
  *proto.mutable_created() = ToProto(job.created);
  if (IsFinite(job.ended)) *proto.mutable_ended() = ToProto(job.ended);
  proto.set_epoch(job.epoch);
  proto.set_step(job.step);
  proto.set_total_steps(job.total_steps);
  proto.set_images_per_second(job.images_per_second);
  Fill(job.metrics, *proto.mutable_metrics());
  for (const job::Attempt& attempt : job.attempts) Fill(attempt, *proto.add_attempts());
  for (const job::Member& member : job.members) {
    v1::GangMember& worker = *proto.add_workers();
    worker.set_rank(member.rank);
    worker.set_worker(member.worker);
    worker.set_host(member.host);
    worker.set_device(member.device);
  }
  proto.set_spec_digest(job.spec_digest);
  proto.set_weights_digest(job.weights_digest);
  proto.set_sweep(job.sweep);
  proto.set_user(job.user);
  proto.set_priority(job.priority);
  if (IsFinite(job.archived)) *proto.mutable_archived() = ToProto(job.archived);
  FillPoint(job, proto);
  return proto;
}

absl::StatusOr<job::State> FromProto(v1::JobState state) {
  const absl::string_view name = v1::JobState_Name(state);
  const auto known = job::StateFromName(name);
  if (known.has_value()) return *known;
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' (", state, ") is no job state"));
}

v1::SweepRun RunToProto(const job::Job& job) {
  v1::SweepRun run;
  run.set_job(job.id);
  run.set_name(job.name);
  FillPoint(job, run);
  run.set_state(ToProto(job.state));
  run.set_reason(job.reason);
  run.set_epoch(job.epoch);
  run.set_step(job.step);
  run.set_total_steps(job.total_steps);
  Fill(job.metrics, *run.mutable_metrics());
  return run;
}

v1::Sweep ToProto(const job::Sweep& sweep, const job::StateCounts& counts) {
  v1::Sweep proto;
  proto.set_id(sweep.id);
  proto.set_name(sweep.name);
  proto.set_state(ToProto(job::SweepState(counts)));
  *proto.mutable_created() = ToProto(sweep.created);
  for (const auto& [state, count] : counts) {
    v1::StateCount& entry = *proto.add_counts();
    entry.set_state(ToProto(state));
    entry.set_jobs(count);
    proto.set_jobs(proto.jobs() + count);
  }
  proto.set_file_name(sweep.file_name);
  for (const std::string& set : sweep.sets) proto.add_sets(set);
  return proto;
}

}  // namespace hebb::rpc
