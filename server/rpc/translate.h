// SPDX-License-Identifier: Apache-2.0
// The wire's messages to the coordinator's structs and back. Pure.
#ifndef HEBB_SERVER_RPC_TRANSLATE_H_
#define HEBB_SERVER_RPC_TRANSLATE_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hebb/v1/jobs.pb.h"
#include "hebb/v1/workers.pb.h"
#include "server/control/messages.h"
#include "server/control/worker_registry.h"
#include "server/job/job.h"
#include "server/scheduler/scheduler.h"
#include "server/store/log_store.h"

namespace hebb::rpc {

google::protobuf::Timestamp ToProto(absl::Time time);  // finite times only
v1::JobState ToProto(job::State state);
v1::EpochRecord ToProto(const job::EpochRecord& record);
v1::JobEvent ToProto(const job::Event& event);
v1::LogLine ToProto(const store::LogEntry& entry);
// Not stored as an event: the job says it, and a submit is one write.
job::Event SubmittedEvent(const job::Job& job);
// Without epochs and events, which Get and Watch add. INTERNAL if the stored specification cannot
// be read.
absl::StatusOr<v1::Job> ToProto(const job::Job& job);
// Of the spec only what a list shows: epochs, rule, data set and workers.
v1::Job BriefToProto(const job::Job& job);
// INVALID_ARGUMENT.
absl::StatusOr<job::State> FromProto(v1::JobState state);
// Of a sweep's job. `unreachable` is not the store's to know.
v1::SweepRun RunToProto(const job::Job& job);
// Without yaml and runs.
v1::Sweep ToProto(const job::Sweep& sweep, const job::StateCounts& counts);
v1::Provenance ToProto(const job::Provenance& provenance);
v1::Worker ToProto(const control::WorkerView& view);
v1::Waiting ToProto(const scheduler::Wait& wait);
// INTERNAL for an Assign whose specification cannot be read.
absl::StatusOr<v1::ToWorker> ToProto(const control::ToWorker& message);

job::EpochRecord FromProto(const v1::EpochRecord& record);
control::GenerationId FromProto(const v1::GenerationId& id);
control::Hello FromProto(const v1::Hello& hello);
// Nothing for a Hello, a LogBatch or an empty message, which are not for the control loop.
std::optional<control::FromWorker> FromProto(const v1::FromWorker& message);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_TRANSLATE_H_
