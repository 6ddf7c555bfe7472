// SPDX-License-Identifier: Apache-2.0
// What the client does with a job file before the coordinator gets it: reads it and finds the
// weights that `init: {from}` names. Everything else in it is the coordinator's to judge.
#ifndef HEBB_CLIENT_JOB_FILE_H_
#define HEBB_CLIENT_JOB_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/session.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// yaml, file_name and sets of a request. NOT_FOUND.
absl::StatusOr<v1::SubmitRequest> ReadJobFile(const std::string& path,
                                              const std::vector<std::string>& sets);

// The path of the initial weights, from the last --set init.from=... or the file's `init: {from}`,
// relative to the job file's folder; "" when there are none (or the YAML cannot be read: that is
// the coordinator's to say).
std::string InitialWeightsPath(const std::string& job_path, const v1::SubmitRequest& request);

// INVALID_ARGUMENT when the initial weights that the job names, if any, cannot be read.
absl::Status CheckInitialWeights(const std::string& job_path, const v1::SubmitRequest& request);

// ReadJobFile, and the upload of the initial weights it names, with a bar if it takes long.
// INVALID_ARGUMENT when these cannot be read.
absl::StatusOr<v1::SubmitRequest> PrepareJobFile(Session& session, const std::string& path,
                                                 const std::vector<std::string>& sets);

// The name of the user who runs this program, by the system; the number where there is none. One
// thread at a time.
std::string LoginName();

// A random UUID (version 4), the idempotency key of a request.
std::string NewRequestId();

}  // namespace hebb::client

#endif  // HEBB_CLIENT_JOB_FILE_H_
