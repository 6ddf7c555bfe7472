// SPDX-License-Identifier: Apache-2.0
#include "client/local/up_file.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const ProcessId& id) { return {{"pid", id.pid}, {"start_time", id.start_time}}; }

ProcessId ProcessFromJson(const Json& json) {
  return {json.at("pid").get<pid_t>(), json.at("start_time").get<std::string>()};
}

UpFile FromJson(const Json& json) {
  UpFile file;
  file.address = json.at("address").get<std::string>();
  file.http = json.at("http").get<std::string>();
  file.comm = json.at("comm").get<std::string>();
  file.supervisor = ProcessFromJson(json.at("supervisor"));
  file.coordinator = ProcessFromJson(json.at("coordinator"));
  for (const Json& worker : json.at("workers")) {
    file.workers.push_back({worker.at("name").get<std::string>(), ProcessFromJson(worker)});
  }
  return file;
}

}  // namespace

std::string UpFilePath(const std::string& state_dir) { return absl::StrCat(state_dir, "/up.json"); }

absl::Status WriteUpFile(const std::string& state_dir, const UpFile& file) {
  Json json = {{"address", file.address},
               {"http", file.http},
               {"comm", file.comm},
               {"supervisor", ToJson(file.supervisor)},
               {"coordinator", ToJson(file.coordinator)},
               {"workers", Json::array()}};
  for (const NamedProcess& worker : file.workers) {
    Json entry = ToJson(worker.id);
    entry["name"] = worker.name;
    json["workers"].push_back(entry);
  }
  return WriteFileAtomically(UpFilePath(state_dir), json.dump(2) + "\n");
}

absl::StatusOr<UpFile> ReadUpFile(const std::string& state_dir) {
  const std::string path = UpFilePath(state_dir);
  HEBB_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  try {
    return FromJson(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    return absl::DataLossError(absl::StrCat(path, " is damaged (", error.what(),
                                            "); stop the programs by pid and remove it"));
  }
}

void RemoveUpFile(const std::string& state_dir) { unlink(UpFilePath(state_dir).c_str()); }

}  // namespace hebb::client
