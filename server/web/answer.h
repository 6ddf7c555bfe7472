// SPDX-License-Identifier: Apache-2.0
// What the JSON API answers, and how a URL's query becomes a request message. Pure.
#ifndef HEBB_SERVER_WEB_ANSWER_H_
#define HEBB_SERVER_WEB_ANSWER_H_

#include <google/protobuf/message.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/metrics/http_server.h"

namespace hebb::web {

// Never kept by a browser; bytes that are no UTF-8 are replaced.
metrics::HttpResponse JsonAnswer(const nlohmann::ordered_json& json);
// {"error": {"code": "NOT_FOUND", "message": "..."}} with the HTTP status that fits the code.
metrics::HttpResponse ErrorAnswer(const absl::Status& status);

// Sets the fields that the query names; of a repeated field the values are separated by commas.
// INVALID_ARGUMENT: no such field, or not a value of its type.
absl::Status ReadQuery(const std::map<std::string, std::string>& query,
                       google::protobuf::Message& message);

// Sets the fields that a JSON object has; "" is none. INVALID_ARGUMENT likewise.
absl::Status ReadBody(const std::string& body, google::protobuf::Message& message);

// INVALID_ARGUMENT unless `message` has a field `name` of text.
absl::Status SetText(absl::string_view name, const std::string& value,
                     google::protobuf::Message& message);

}  // namespace hebb::web

#endif  // HEBB_SERVER_WEB_ANSWER_H_
