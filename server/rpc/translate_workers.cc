// SPDX-License-Identifier: Apache-2.0
// What workers say and are told.
#include <utility>

#include "common/rpc/spec.h"
#include "common/status_macros.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

job::Metrics MetricsFrom(const v1::Metrics& proto) {
  job::Metrics metrics;
  if (proto.has_train_loss()) metrics.train_loss = proto.train_loss();
  if (proto.has_train_accuracy()) metrics.train_accuracy = proto.train_accuracy();
  if (proto.has_validation_accuracy()) metrics.validation_accuracy = proto.validation_accuracy();
  if (proto.has_test_accuracy()) metrics.test_accuracy = proto.test_accuracy();
  if (proto.has_test_loss()) metrics.test_loss = proto.test_loss();
  return metrics;
}

control::Outcome OutcomeFrom(v1::AttemptResult::Outcome outcome) {
  if (outcome == v1::AttemptResult::SUCCEEDED) return control::Outcome::kSucceeded;
  if (outcome == v1::AttemptResult::STOPPED) return control::Outcome::kStopped;
  return control::Outcome::kFailed;
}

control::Progress ProgressFrom(const v1::Progress& p) {
  return {FromProto(p.generation()), p.step(),       p.epoch(),         p.total_steps(),
          p.images_per_second(),     p.train_loss(), p.train_accuracy()};
}

control::AttemptResult ResultFrom(const v1::AttemptResult& r) {
  std::string reason = r.reason();
  if (r.outcome() == v1::AttemptResult::OUTCOME_UNSPECIFIED) reason += " (no outcome given)";
  return {FromProto(r.generation()), OutcomeFrom(r.outcome()), std::move(reason),    r.step(),
          MetricsFrom(r.metrics()),  r.weights_digest(),       r.images_per_second()};
}

job::Software SoftwareFrom(const v1::Software& proto) {
  job::Software software;
  software.build = proto.build();
  software.kernel_family = proto.kernel_family();
  software.processor = proto.processor();
  for (const auto& [name, version] : proto.libraries()) software.libraries[name] = version;
  return software;
}

control::DigestReport DigestsFrom(const v1::DigestReport& report) {
  control::DigestReport digests{FromProto(report.generation()), report.rank(), {}};
  for (const v1::StepDigest& digest : report.digests()) {
    job::StepDigest& step = digests.digests.emplace_back();
    step.step = digest.step();
    step.weights_digest = digest.weights_digest();
  }
  return digests;
}

v1::GenerationId Id(const control::GenerationId& id) {
  v1::GenerationId proto;
  proto.set_job(id.job);
  proto.set_attempt(id.attempt);
  proto.set_generation(id.generation);
  return proto;
}

v1::StoredFile File(const job::FileRef& file) {
  v1::StoredFile proto;
  proto.set_sha256(file.sha256);
  proto.set_bytes(file.bytes);
  proto.set_step(file.step);
  return proto;
}

// One overload a message: each fills its part of the envelope.
absl::Status Fill(const control::Welcome& from, v1::ToWorker& to) {
  v1::Welcome& welcome = *to.mutable_welcome();
  welcome.set_heartbeat_interval_ms(absl::ToInt64Milliseconds(from.heartbeat_interval));
  welcome.set_detect_within_ms(absl::ToInt64Milliseconds(from.detect_within));
  welcome.set_lease_ms(absl::ToInt64Milliseconds(from.lease));
  return absl::OkStatus();
}

absl::Status Fill(const control::Refused& from, v1::ToWorker& to) {
  to.mutable_refused()->set_reason(from.reason);
  return absl::OkStatus();
}

absl::Status Fill(const control::Assign& from, v1::ToWorker& to) {
  v1::Assign& assign = *to.mutable_assign();
  assign.set_job(from.job);
  assign.set_attempt(from.attempt);
  HEBB_ASSIGN_OR_RETURN(*assign.mutable_spec(), SpecFromJson(from.spec_json));
  assign.set_spec_digest(from.spec_digest);
  if (from.resume) *assign.mutable_resume() = File(*from.resume);
  if (from.init) *assign.mutable_init() = File(*from.init);
  return absl::OkStatus();
}

absl::Status Fill(const control::FormGang& from, v1::ToWorker& to) {
  const control::Formation& formation = from.formation;
  v1::FormGang& form = *to.mutable_form_gang();
  *form.mutable_generation() = Id(formation.generation);
  form.set_rank(from.rank);
  form.set_size(static_cast<int>(formation.members.size()));
  form.set_backend(formation.backend);
  for (const job::Member& member : formation.members) {
    v1::GangMember& proto = *form.add_members();
    proto.set_rank(member.rank);
    proto.set_worker(member.worker);
    proto.set_host(member.host);
    proto.set_device(member.device);
  }
  for (int rank : formation.mpi_ranks) form.add_mpi_ranks(rank);
  form.set_start_step(formation.start_step);
  form.set_state_source(formation.state_source);
  for (int rank : formation.state_wanted) form.add_state_wanted(rank);
  return absl::OkStatus();
}

absl::Status Fill(const control::LeaveGang& from, v1::ToWorker& to) {
  v1::LeaveGang& leave = *to.mutable_leave_gang();
  *leave.mutable_generation() = Id(from.generation);
  leave.set_when(from.now ? v1::LeaveGang::NOW : v1::LeaveGang::AT_STEP_BOUNDARY);
  leave.set_reason(from.reason);
  return absl::OkStatus();
}

absl::Status Fill(const control::Stop& from, v1::ToWorker& to) {
  v1::Stop& stop = *to.mutable_stop();
  *stop.mutable_generation() = Id(from.generation);
  stop.set_checkpoint(from.checkpoint);
  stop.set_reason(from.reason);
  return absl::OkStatus();
}

absl::Status Fill(const control::Release& from, v1::ToWorker& to) {
  to.mutable_release()->set_job(from.job);
  to.mutable_release()->set_attempt(from.attempt);
  return absl::OkStatus();
}

absl::Status Fill(const control::ResultAccepted& from, v1::ToWorker& to) {
  *to.mutable_result_accepted()->mutable_generation() = Id(from.generation);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::ToWorker> ToProto(const control::ToWorker& message) {
  v1::ToWorker proto;
  HEBB_RETURN_IF_ERROR(std::visit([&](const auto& word) { return Fill(word, proto); }, message));
  return proto;
}

v1::Worker ToProto(const control::WorkerView& view) {
  const control::WorkerFacts& facts = view.facts;
  v1::Worker proto;
  proto.set_id(facts.id);
  proto.set_host(facts.host);
  proto.set_pid(facts.pid);
  proto.set_device(facts.device);
  proto.set_device_name(facts.device_name);
  proto.set_threads(facts.threads);
  for (const std::string& backend : facts.backends) proto.add_backends(backend);
  proto.set_mpi_world(facts.mpi_world);
  proto.set_mpi_rank(facts.mpi_rank);
  proto.set_build(facts.build);
  proto.set_kernel_family(facts.kernel_family);
  proto.set_state(view.state);
  proto.set_job(view.job);
  *proto.mutable_attached() = ToProto(view.attached);
  *proto.mutable_last_heartbeat() = ToProto(view.last_heartbeat);
  proto.set_http_address(facts.http_address);
  proto.set_device_memory(facts.device_memory);
  proto.set_device_memory_free(facts.device_memory_free);
  return proto;
}

namespace {

job::LayerState FromProto(const v1::LayerState& proto) {
  job::LayerState layer;
  layer.layer = proto.layer();
  if (proto.has_error_angle()) layer.error_angle = proto.error_angle();
  if (proto.has_saturated()) layer.saturated = proto.saturated();
  if (proto.has_sparsity()) layer.sparsity = proto.sparsity();
  if (proto.has_forward_update_norm()) layer.forward_update_norm = proto.forward_update_norm();
  if (proto.has_feedback_update_norm()) layer.feedback_update_norm = proto.feedback_update_norm();
  return layer;
}

}  // namespace

job::EpochRecord FromProto(const v1::EpochRecord& proto) {
  job::EpochRecord record;
  record.epoch = proto.epoch();
  record.step = proto.step();
  record.metrics = MetricsFrom(proto.metrics());
  for (const v1::LayerAlignment& alignment : proto.alignment()) {
    record.alignment.emplace_back(alignment.layer(), alignment.cosine());
  }
  for (const v1::LayerState& layer : proto.layers()) record.layers.push_back(FromProto(layer));
  record.seconds = proto.seconds();
  return record;
}

control::GenerationId FromProto(const v1::GenerationId& id) {
  return {id.job(), id.attempt(), id.generation()};
}

control::Hello FromProto(const v1::Hello& proto) {
  control::Hello hello;
  const v1::Worker& worker = proto.worker();
  hello.worker.id = worker.id();
  hello.worker.host = worker.host();
  hello.worker.pid = worker.pid();
  hello.worker.device = worker.device();
  hello.worker.device_name = worker.device_name();
  hello.worker.threads = worker.threads();
  hello.worker.backends.assign(worker.backends().begin(), worker.backends().end());
  hello.worker.mpi_world = worker.mpi_world();
  hello.worker.mpi_rank = worker.mpi_rank();
  hello.worker.build = worker.build();
  hello.worker.kernel_family = worker.kernel_family();
  hello.worker.http_address = worker.http_address();
  hello.worker.software = SoftwareFrom(worker.software());
  hello.worker.device_memory = worker.device_memory();
  hello.worker.device_memory_free = worker.device_memory_free();
  if (proto.has_held()) {
    const v1::HeldAttempt& held = proto.held();
    hello.held = control::HeldAttempt{FromProto(held.generation()), held.rank(), held.step(),
                                      held.in_gang()};
  }
  return hello;
}

std::optional<control::FromWorker> FromProto(const v1::FromWorker& message) {
  switch (message.message_case()) {
    case v1::FromWorker::kHeartbeat:
      return control::Heartbeat{message.heartbeat().step(),
                                message.heartbeat().device_memory_free()};
    case v1::FromWorker::kReport: {
      const v1::MemberReport& report = message.report();
      control::MemberReport word{FromProto(report.generation()), report.step(),
                                 report.weights_digest(), report.cause(), report.fatal()};
      for (const v1::DataDigest& digest : report.data()) {
        word.data.push_back({digest.file(), digest.sha256()});
      }
      return word;
    }
    case v1::FromWorker::kProgress:
      return ProgressFrom(message.progress());
    case v1::FromWorker::kEpoch:
      return control::EpochReport{FromProto(message.epoch().generation()),
                                  FromProto(message.epoch().record())};
    case v1::FromWorker::kResult:
      return ResultFrom(message.result());
    case v1::FromWorker::kFarewell:
      return control::Farewell{message.farewell().reason()};
    case v1::FromWorker::kDrain:
      return control::DrainNotice{message.drain().reason(),
                                  absl::Milliseconds(message.drain().within_ms())};
    case v1::FromWorker::kFreed:
      return control::Freed{message.freed().job(), message.freed().attempt(),
                            message.freed().missing_bytes()};
    case v1::FromWorker::kDigests:
      return DigestsFrom(message.digests());
    case v1::FromWorker::kHello:
    case v1::FromWorker::kLog:
    case v1::FromWorker::MESSAGE_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace hebb::rpc
