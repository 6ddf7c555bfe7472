// SPDX-License-Identifier: Apache-2.0
// Reading what a program has printed.
#ifndef HEBB_CLIENT_DOCTOR_PROGRAM_OUTPUT_H_
#define HEBB_CLIENT_DOCTOR_PROGRAM_OUTPUT_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace hebb::client::doctor {

using Json = nlohmann::json;

// The last line that is an object; nothing if there is none.
std::optional<Json> JsonOf(const std::string& output);

// "", 0, {}: there is none of that kind.
std::string TextOf(const Json& json, const char* key);
double NumberOf(const Json& json, const char* key);
Json SectionOf(const Json& json, const char* key);

// The first line that says something.
std::string FirstWords(const std::string& output);

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_PROGRAM_OUTPUT_H_
