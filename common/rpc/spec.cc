// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/spec.h"

#include <google/protobuf/util/json_util.h>
#include "hebb/v1/spec.pb.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"

namespace hebb::rpc {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using nlohmann::json;

json ToJson(const Message& message);

// One value of a field; `index` < 0 for a field that is not repeated.
json ValueToJson(const Message& message, const FieldDescriptor& field, int index) {
  const auto& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ToJson(one ? r.GetMessage(message, &field)
                        : r.GetRepeatedMessage(message, &field, index));
    case FieldDescriptor::CPPTYPE_STRING:
      return one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
    case FieldDescriptor::CPPTYPE_INT64:
      return one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_UINT64:
      return one ? r.GetUInt64(message, &field) : r.GetRepeatedUInt64(message, &field, index);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index);
    default:
      HEBB_CHECK(false);  // spec.proto has no other type
  }
  return nullptr;
}

// protobuf's own printer writes 64-bit integers as strings, which a job file does not have.
json ToJson(const Message& message) {
  json object = json::object();
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (field.is_repeated()) {
      json list = json::array();
      const int size = message.GetReflection()->FieldSize(message, &field);
      for (int k = 0; k < size; ++k) list.push_back(ValueToJson(message, field, k));
      object[field.name()] = std::move(list);
    } else if (!field.has_presence() || message.GetReflection()->HasField(message, &field)) {
      object[field.name()] = ValueToJson(message, field, -1);
    }
  }
  return object;
}

}  // namespace

absl::StatusOr<v1::JobSpec> SpecFromJson(absl::string_view text) {
  v1::JobSpec spec;
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(text.data(), text.size()), &spec);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("job specification: ", status.ToString()));
  }
  return spec;
}

std::string SpecToJson(const v1::JobSpec& spec) {
  // Names come from the job file's text: anything that is no UTF-8 is replaced, never thrown on.
  return ToJson(spec).dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<v1::JobSpec> SpecToProto(const spec::Job& job) {
  return SpecFromJson(spec::JobToJson(job));
}

absl::StatusOr<spec::Job> SpecFromProto(const v1::JobSpec& spec) {
  return spec::JobFromJson(SpecToJson(spec));
}

}  // namespace hebb::rpc
