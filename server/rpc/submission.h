// SPDX-License-Identifier: Apache-2.0
// From a job file to a stored job. No gRPC in here: requests are messages, errors absl::Status.
#ifndef HEBB_SERVER_RPC_SUBMISSION_H_
#define HEBB_SERVER_RPC_SUBMISSION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/spec/spec.h"
#include "hebb/v1/jobs.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// INVALID_ARGUMENT with ParseJob's lines, unchanged.
absl::StatusOr<v1::ValidateResponse> Validate(const Context& context,
                                              const v1::SubmitRequest& request);

// Parses, checks and stores; durable when it returns. INVALID_ARGUMENT as Validate;
// FAILED_PRECONDITION when the file of `init: {from}` was not uploaded; RESOURCE_EXHAUSTED, here
// and for all that stores jobs, when as many of the user's wait as may.
absl::StatusOr<job::Job> Submit(const Context& context, const v1::SubmitRequest& request);

// Stores a job that evaluates the newest intact checkpoint of `request.job`. NOT_FOUND, DATA_LOSS.
absl::StatusOr<job::Job> SubmitEvaluation(const Context& context,
                                          const v1::EvaluateRequest& request);

// QUEUED: cancelled at once; active: CANCELLING, the control loop does the rest. A job that is
// cancelled already stays so; FAILED_PRECONDITION when it has ended otherwise. Here and below:
// PERMISSION_DENIED for a job of somebody else.
absl::StatusOr<job::Job> Cancel(const Context& context, const access::Caller& caller,
                                const std::string& key);

// QUEUED: PAUSED at once; STARTING or RUNNING: PAUSING, the control loop stops it with a
// checkpoint. Idempotent; FAILED_PRECONDITION when the job has ended or is being cancelled.
absl::StatusOr<job::Job> Pause(const Context& context, const access::Caller& caller,
                               const std::string& key);

// PAUSED: QUEUED. Idempotent; FAILED_PRECONDITION while it is PAUSING, or as Pause.
absl::StatusOr<job::Job> Resume(const Context& context, const access::Caller& caller,
                                const std::string& key);

// An ended job leaves the lists, or with `undo` comes back to them. Idempotent; FAILED_PRECONDITION
// while it has not ended.
absl::StatusOr<job::Job> Archive(const Context& context, const access::Caller& caller,
                                 const std::string& key, bool undo);

// ---- what a sweep's jobs share with single ones ------------------------------------------------

// What Validate tells of a job that was parsed, but for `spec`. Errors as spec::Summarize.
absl::StatusOr<v1::ValidateResponse> Summarize(const Context& context, const spec::Job& spec);

// `prefix` and 8 random letters and digits.
std::string NewId(absl::string_view prefix);

// The request's job file. INVALID_ARGUMENT with ParseJob's lines, also when it is a sweep's.
absl::StatusOr<spec::Job> ParseSubmission(const v1::SubmitRequest& request);

// A job to be stored: all fields but the id.
job::Job MakeJob(const spec::Job& spec, std::string yaml, std::string request_id);

// Makes it durable under a new id, or finds what `job.request_id` stored before. The control loop
// is not woken.
absl::StatusOr<job::Job> StoreUnderNewId(const Context& context, job::Job job);

// Puts the uploaded file's digest into `spec.init`. FAILED_PRECONDITION, DATA_LOSS.
absl::Status TakeInit(const Context& context, const v1::SubmitRequest& request, spec::Job& spec);

// The step of Cancel, for JobStore::Update.
absl::Status CancelJob(job::Job& job);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_SUBMISSION_H_
