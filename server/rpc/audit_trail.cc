// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/audit_trail.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status_macros.h"
#include "server/rpc/page_size.h"

namespace hebb::rpc {
namespace {

constexpr int64_t kFileBytesMax = 16 << 20;
constexpr int kFilesKept = 4;
constexpr size_t kRecentMax = 10000;
constexpr int kRefusedASecond = 20;
constexpr int kPageDefault = 100;
constexpr int kPageMax = 1000;

int OpenForAppending(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditTrail>> AuditTrail::Open(const std::string& path) {
  const int fd = OpenForAppending(path);
  if (fd < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write the audit trail ", path, ": ", strerror(errno)));
  }
  std::unique_ptr<AuditTrail> trail(new AuditTrail(path, fd));
  absl::MutexLock lock(&trail->mutex_);
  for (const std::string& file : {absl::StrCat(path, ".1"), path}) {
    const auto text = ReadFile(file);
    if (!text.ok()) continue;
    trail->Load(*text);
    if (file == path) trail->bytes_ = static_cast<int64_t>(text->size());
  }
  return trail;
}

AuditTrail::~AuditTrail() {
  absl::MutexLock lock(&mutex_);
  close(fd_);
}

// Lines that cannot be read (the last one of a crash) are passed over.
void AuditTrail::Load(const std::string& text) {
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    v1::AuditEvent event;
    if (google::protobuf::util::JsonStringToMessage(std::string(line), &event).ok()) {
      Keep(std::move(event));
    }
  }
}

void AuditTrail::Keep(v1::AuditEvent event) {
  recent_.push_back(std::move(event));
  if (recent_.size() <= kRecentMax) return;
  recent_.pop_front();
  ++first_;
}

void AuditTrail::Write(const v1::AuditEvent& event) {
  std::string line;
  if (!google::protobuf::util::MessageToJsonString(event, &line).ok()) return;  // bad UTF-8
  line += '\n';
  if (bytes_ + static_cast<int64_t>(line.size()) > kFileBytesMax) Rotate();
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    LogError(absl::StrCat("a line of the audit trail is lost: ", path_, ": ", strerror(errno)));
    return;
  }
  bytes_ += static_cast<int64_t>(line.size());
}

void AuditTrail::Rotate() {
  for (int i = kFilesKept; i > 0; --i) {
    const std::string from = i == 1 ? path_ : absl::StrCat(path_, ".", i - 1);
    std::rename(from.c_str(), absl::StrCat(path_, ".", i).c_str());
  }
  const int fresh = OpenForAppending(path_);
  if (fresh < 0) return LogError(absl::StrCat("the audit trail goes on in the old file: ", path_));
  close(fd_);
  fd_ = fresh;
  bytes_ = 0;
}

void AuditTrail::Add(v1::AuditEvent event) {
  absl::MutexLock lock(&mutex_);
  Write(event);
  Keep(std::move(event));
}

void AuditTrail::AddRefused(v1::AuditEvent event, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (now - second_ >= absl::Seconds(1)) {
    second_ = now;
    refused_in_second_ = 0;
  }
  if (++refused_in_second_ > kRefusedASecond) {
    ++unwritten_;
    return;
  }
  if (unwritten_ > 0) {
    absl::StrAppend(event.mutable_outcome(), " (and ", unwritten_, " more before)");
    unwritten_ = 0;
  }
  Write(event);
  Keep(std::move(event));
}

absl::Status AuditTrail::Recent(const v1::ListAuditEventsRequest& request,
                                v1::ListAuditEventsResponse& response) const {
  HEBB_ASSIGN_OR_RETURN(const int64_t size, PageSize(request.page_size(), kPageDefault, kPageMax));
  absl::MutexLock lock(&mutex_);
  int64_t before = first_ + static_cast<int64_t>(recent_.size());  // the newest one's number + 1
  if (!request.page_token().empty()) {
    int64_t token = 0;
    if (!absl::SimpleAtoi(request.page_token(), &token) || token < 0 || token > before) {
      return absl::InvalidArgumentError(absl::StrCat("page_token '", request.page_token(),
                                                     "' is none of this list; begin again"));
    }
    before = token;
  }
  int64_t next = before;
  while (next > first_ && before - next < size) {
    --next;
    *response.add_events() = recent_[static_cast<size_t>(next - first_)];
  }
  if (next > first_) response.set_next_page_token(absl::StrCat(next));
  return absl::OkStatus();
}

}  // namespace hebb::rpc
