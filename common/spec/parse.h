// SPDX-License-Identifier: Apache-2.0
// The job file: YAML text to structs and back.
#ifndef HEBB_COMMON_SPEC_PARSE_H_
#define HEBB_COMMON_SPEC_PARSE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/spec/spec.h"

namespace hebb::spec {

// Reads a job file, applies `sets` ("key.path=value", list items by number or by layer name),
// fills in defaults, and checks everything that file, schema and data set can decide
// (ResolveNetwork included). INVALID_ARGUMENT: one line a problem, each "file:line:column: cause;
// remedy". `file_name` is only for messages.
absl::StatusOr<Job> ParseJob(absl::string_view yaml, absl::string_view file_name,
                             const std::vector<std::string>& sets);

// The fully resolved job as JSON with the job file's key names (= the field names of
// hebb.v1.JobSpec) and every default written out; JobFromJson is its exact inverse. It checks keys,
// types and ranges only, and reads what protobuf's JSON printer makes of a JobSpec (with
// preserve_proto_field_names and always_print_primitive_fields) as well.
std::string JobToJson(const Job& job);
absl::StatusOr<Job> JobFromJson(absl::string_view json);

// Writes out what an absent key takes from its neighbours: a layer's inputs (the layer before) and
// a pool's stride (its size). ParseJob has done so.
void FillDerivedDefaults(Job& job);

// SHA-256 over the parts that decide the weights: not name, resources, checkpoint.
std::string SpecDigest(const Job& job);

// The reference table of all keys for docs/job_file.md, in Markdown.
std::string KeyReference();

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_PARSE_H_
