// SPDX-License-Identifier: Apache-2.0
// A job's specification on the wire (hebb.v1.JobSpec) and as JSON (spec::JobToJson). Both have the
// job file's key names, so one reflection walk carries every field, also those added later.
#ifndef HEBB_COMMON_RPC_SPEC_H_
#define HEBB_COMMON_RPC_SPEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"

namespace hebb::v1 {
class JobSpec;
}  // namespace hebb::v1

namespace hebb::rpc {

// INVALID_ARGUMENT for JSON that is no JobSpec (an unknown key, a wrong type).
absl::StatusOr<v1::JobSpec> SpecFromJson(absl::string_view json);

// JSON with every set message and every plain field written out, 64-bit integers as numbers.
std::string SpecToJson(const v1::JobSpec& spec);

// The two above joined with spec::JobToJson and spec::JobFromJson.
absl::StatusOr<v1::JobSpec> SpecToProto(const spec::Job& job);
absl::StatusOr<spec::Job> SpecFromProto(const v1::JobSpec& spec);

}  // namespace hebb::rpc

#endif  // HEBB_COMMON_RPC_SPEC_H_
