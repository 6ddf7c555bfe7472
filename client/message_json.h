// SPDX-License-Identifier: Apache-2.0
// Protobuf messages as the JSON and the YAML that `-o json` and `-o yaml` print.
#ifndef HEBB_CLIENT_MESSAGE_JSON_H_
#define HEBB_CLIENT_MESSAGE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "common/rpc/message_json.h"

namespace hebb::client {

using rpc::ToJson;

// Block-style YAML of the same data; strings are quoted wherever YAML would read something else.
std::string ToYaml(const nlohmann::ordered_json& json);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_MESSAGE_JSON_H_
