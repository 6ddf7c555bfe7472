// SPDX-License-Identifier: Apache-2.0
// Where a job's results come from, for people and for what leaves the service.
#ifndef HEBB_CLIENT_PROVENANCE_H_
#define HEBB_CLIENT_PROVENANCE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "client/api.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// The last link of the job's chain of weight digests, "SHA256 at step N"; "" when it has none.
absl::StatusOr<std::string> ChainHead(Api& api, const v1::Job& job);

// What data, programs and machines: a line each, what several workers have in common once.
// "data train-images-idx3-ubyte" -> its SHA-256, "processor" -> "EPYC, Xeon".
std::map<std::string, std::string> SourcesOf(const v1::Provenance& provenance);

// What an exported file says of itself besides the checkpoint's own metadata: `spec` and
// `provenance` as JSON, `digest_chain`.
absl::StatusOr<std::map<std::string, std::string>> ExportMetadata(Api& api, const v1::Job& job);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_PROVENANCE_H_
