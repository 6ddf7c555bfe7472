// SPDX-License-Identifier: Apache-2.0
#include "server/web/answer.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/reflection.h>
#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status_macros.h"

namespace hebb::web {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

int HttpStatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

metrics::HttpResponse Answer(int status, const nlohmann::ordered_json& json) {
  return {status,
          json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n",
          "application/json",
          {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}}};
}

std::string NamesOf(const Message& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    names.push_back(message.GetDescriptor()->field(i)->name());
  }
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

absl::Status BadValue(const FieldDescriptor& field, absl::string_view value, const char* wanted) {
  return absl::InvalidArgumentError(absl::StrCat(field.name(), "=", value, " is not ", wanted));
}

template <typename Number, typename Set>
absl::Status SetNumber(const FieldDescriptor& field, absl::string_view text, const Set& set) {
  Number number = 0;
  if (!absl::SimpleAtoi(text, &number)) return BadValue(field, text, "a whole number");
  set(number);
  return absl::OkStatus();
}

absl::Status SetBool(const FieldDescriptor& field, absl::string_view text, Message& message) {
  bool value = false;
  if (!absl::SimpleAtob(text, &value)) return BadValue(field, text, "true or false");
  message.GetReflection()->SetBool(&message, &field, value);
  return absl::OkStatus();
}

absl::Status AddEnum(const FieldDescriptor& field, absl::string_view text, Message& message) {
  const auto* value = field.enum_type()->FindValueByName(absl::AsciiStrToUpper(text));
  if (value == nullptr || value->number() == 0) return BadValue(field, text, "one of the states");
  message.GetReflection()->AddEnum(&message, &field, value);
  return absl::OkStatus();
}

absl::Status SetField(const FieldDescriptor& field, const std::string& text, Message& message) {
  const Reflection* reflection = message.GetReflection();
  if (field.is_repeated()) {
    for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
      if (field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM) {
        reflection->AddString(&message, &field, std::string(part));
        continue;
      }
      HEBB_RETURN_IF_ERROR(AddEnum(field, part, message));
    }
    return absl::OkStatus();
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      reflection->SetString(&message, &field, text);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      return SetBool(field, text, message);
    case FieldDescriptor::CPPTYPE_INT32:
      return SetNumber<int32_t>(
          field, text, [&](int32_t value) { reflection->SetInt32(&message, &field, value); });
    case FieldDescriptor::CPPTYPE_INT64:
      return SetNumber<int64_t>(
          field, text, [&](int64_t value) { reflection->SetInt64(&message, &field, value); });
    default:
      return BadValue(field, text, "to be given in a URL");
  }
}

}  // namespace

metrics::HttpResponse JsonAnswer(const nlohmann::ordered_json& json) { return Answer(200, json); }

metrics::HttpResponse ErrorAnswer(const absl::Status& status) {
  nlohmann::ordered_json error = {{"code", absl::StatusCodeToString(status.code())},
                                  {"message", std::string(status.message())}};
  metrics::HttpResponse answer = Answer(HttpStatusOf(status.code()), {{"error", error}});
  if (answer.status == 401) answer.headers["WWW-Authenticate"] = "Bearer";
  return answer;
}

absl::Status ReadQuery(const std::map<std::string, std::string>& query, Message& message) {
  for (const auto& [name, value] : query) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("there is no ", name, " to ask for; there are: ", NamesOf(message)));
    }
    HEBB_RETURN_IF_ERROR(SetField(*field, value, message));
  }
  return absl::OkStatus();
}

absl::Status ReadBody(const std::string& body, Message& message) {
  if (body.empty()) return absl::OkStatus();
  const auto status = google::protobuf::util::JsonStringToMessage(body, &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the body is not JSON with the fields ",
                                                 NamesOf(message), ": ",
                                                 std::string(status.message())));
}

absl::Status SetText(absl::string_view name, const std::string& value, Message& message) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
  if (field == nullptr) return absl::InvalidArgumentError(absl::StrCat("no field ", name));
  message.GetReflection()->SetString(&message, field, value);
  return absl::OkStatus();
}

}  // namespace hebb::web
