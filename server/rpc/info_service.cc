// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/info_service.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <string>

#include "absl/time/clock.h"
#include "common/roles.h"
#include "common/rpc/protocol.h"
#include "common/times.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/translate.h"

namespace hebb::rpc {
namespace {

std::string HostName() {
  std::array<char, 256> name = {};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

void AddTimes(const Times& times, v1::ServiceInfo& info) {
  info.set_detect_within_ms(absl::ToInt64Milliseconds(times.detect_within));
  for (const TimeRow& row : Explain(times)) {
    v1::DerivedTime& time = *info.add_times();
    time.set_name(row.name);
    time.set_microseconds(absl::ToInt64Microseconds(row.value));
    time.set_rule(row.rule);
    time.set_meaning(row.meaning);
  }
}

void AddDisk(const std::string& folder, v1::ServiceInfo& info) {
  info.set_state_dir(folder);
  struct statvfs disk = {};
  if (statvfs(folder.c_str(), &disk) != 0) return;
  info.set_state_free_bytes(static_cast<int64_t>(disk.f_bavail * disk.f_frsize));
  info.set_state_total_bytes(static_cast<int64_t>(disk.f_blocks * disk.f_frsize));
}

}  // namespace

grpc::Status InfoService::GetInfo(grpc::ServerContext* call, const v1::GetInfoRequest*,
                                  v1::ServiceInfo* response) {
  const access::Caller caller = CallerOf(context_.gate, *call);
  v1::ServiceInfo& info = *response;
  info.set_build(context_.self.build);
  info.set_protocol(kProtocolVersion);
  info.set_host(HostName());
  *info.mutable_started() = ToProto(context_.self.started);
  AddTimes(context_.controller.times(), info);
  AddDisk(context_.self.state_dir, info);
  info.set_free_disk_min_bytes(context_.limits.free_disk_min);
  info.set_authenticates(context_.gate != nullptr);
  if (caller.authenticated) {
    info.set_user(caller.name);
    info.set_role(std::string(RoleName(caller.role)));
  }
  *info.mutable_now() = ToProto(absl::Now());  // last: the caller halves its round trip
  return grpc::Status::OK;
}

}  // namespace hebb::rpc
