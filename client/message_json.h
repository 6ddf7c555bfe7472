// SPDX-License-Identifier: Apache-2.0
// Protobuf messages as the JSON that `-o json` and `-o yaml` print. Protobuf's own JSON mapping
// quotes 64-bit numbers, camel-cases names and drops empty fields, which scripts must not have to
// know; here numbers are numbers, names are the fields' names, in their order, and every field is
// there: null for an absent optional or time, [] for an empty list.
#ifndef HEBB_CLIENT_MESSAGE_JSON_H_
#define HEBB_CLIENT_MESSAGE_JSON_H_

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

namespace hebb::client {

// A oneof shows only the member that is set. Times are RFC 3339 in UTC; enums are their words.
nlohmann::ordered_json ToJson(const google::protobuf::Message& message);

// Block-style YAML of the same data; strings are quoted wherever YAML would read something else.
std::string ToYaml(const nlohmann::ordered_json& json);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_MESSAGE_JSON_H_
