// SPDX-License-Identifier: Apache-2.0
#include "client/doctor/disk.h"

#include <fcntl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "client/doctor/probe.h"

namespace hebb::client::doctor {
namespace {

constexpr int64_t kMebi = int64_t{1} << 20;
constexpr int64_t kGibi = int64_t{1} << 30;
constexpr int64_t kRoomLeast = 100 * kMebi;  // below, the next checkpoint or data set may not fit
constexpr int64_t kRoomGood = 2 * kGibi;
constexpr int64_t kSharedGood = 128 * kMebi;
constexpr absl::Duration kFsyncGood = absl::Milliseconds(50);
constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr int kWrites = 5;

// Those on which something is to be said. Numbers of linux/magic.h, and of cifs and fuse.
std::string FileSystemOf(const std::string& folder) {
  struct statfs disk = {};
  if (statfs(folder.c_str(), &disk) != 0) return "";
  switch (static_cast<uint32_t>(disk.f_type)) {
    case 0x01021994:
      return "tmpfs";
    case 0x6969:
      return "nfs";
    case 0xFF534D42:
    case 0xFE534D42:
      return "smb";
    case 0x01021997:
      return "9p";
    default:
      return "";
  }
}

bool IsNetwork(const std::string& file_system) {
  return file_system == "nfs" || file_system == "smb" || file_system == "9p";
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (!absolute.has_filename() && absolute.has_relative_path()) absolute = absolute.parent_path();
  return absolute.string();
}

std::string NearestFolder(const std::string& absolute) {
  std::error_code error;
  std::filesystem::path folder = absolute;
  while (!std::filesystem::exists(folder, error) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder.string();
}

// How long it took; what went wrong in `error`.
absl::Duration WriteOnce(int fd, std::string& error) {
  static const std::array<char, 65536> kBlock = {};
  const absl::Time begin = absl::Now();
  const ssize_t written = write(fd, kBlock.data(), kBlock.size());
  if (written < 0 || fsync(fd) != 0) {
    error = std::strerror(errno);
  } else if (static_cast<size_t>(written) < kBlock.size()) {
    error = std::strerror(ENOSPC);
  }
  return absl::Now() - begin;
}

void TryToWrite(FolderFacts& facts) {
  if (!std::filesystem::is_directory(facts.probed)) {
    facts.error = absl::StrCat(facts.probed, " is no folder");
    return;
  }
  std::string file = facts.probed + "/.hebb-doctor-XXXXXX";
  const int fd = mkostemp(file.data(), O_CLOEXEC);
  if (fd < 0) {
    facts.error = std::strerror(errno);
    return;
  }
  const absl::Cleanup remove = [&file, fd] {
    close(fd);
    unlink(file.c_str());
  };
  std::vector<absl::Duration> took;
  for (int i = 0; i < kWrites && facts.error.empty(); ++i) {
    took.push_back(WriteOnce(fd, facts.error));
  }
  std::sort(took.begin(), took.end());
  facts.fsync_time = took[took.size() / 2];
}

FolderFacts LookAt(const std::string& path) {
  FolderFacts facts;
  facts.path = Absolute(path);
  facts.probed = NearestFolder(facts.path);
  facts.file_system = FileSystemOf(facts.probed);
  struct statvfs room = {};
  if (statvfs(facts.probed.c_str(), &room) == 0) {
    facts.free_bytes = static_cast<int64_t>(room.f_bavail * room.f_frsize);
    facts.total_bytes = static_cast<int64_t>(room.f_blocks * room.f_frsize);
  }
  TryToWrite(facts);
  return facts;
}

std::string RoomText(int64_t free_bytes, int64_t total_bytes) {
  return absl::StrCat(BytesText(free_bytes), " free of ", BytesText(total_bytes));
}

}  // namespace

std::string BytesText(int64_t bytes) {
  if (bytes >= kGibi) return absl::StrFormat("%.1f GiB", static_cast<double>(bytes) / kGibi);
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / kMebi);
}

std::optional<FolderFacts> ProbeFolder(const std::string& path) {
  return Within<FolderFacts>(kPatience, [path] { return LookAt(path); });
}

Finding JudgeFolder(FolderUse use, const std::string& path,
                    const std::optional<FolderFacts>& facts) {
  const bool state = use == FolderUse::kState;
  const std::string check = state ? "disk.state" : "disk.data";
  const std::string option = state ? "--state-dir" : "--data-dir";
  const std::string other = absl::StrCat("name another folder with ", option);
  if (!facts) {
    return Failed(check,
                  absl::StrCat(path, " does not answer within ", absl::FormatDuration(kPatience)),
                  absl::StrCat("look at its disk or mount, or ", other));
  }
  const std::string where = facts->probed == facts->path
                                ? path
                                : absl::StrCat(path, " (to be made below ", facts->probed, ")");
  const std::string room = RoomText(facts->free_bytes, facts->total_bytes);
  if (!facts->error.empty()) {
    return Failed(check, absl::StrCat(where, " cannot be written: ", facts->error, ", ", room),
                  absl::StrCat("give this user the right and the room to write there, or ", other));
  }
  if (facts->free_bytes < kRoomLeast) {
    return Failed(check, absl::StrCat(where, ": ", room), absl::StrCat("free some, or ", other));
  }
  if (facts->free_bytes < kRoomGood) {
    return Warning(check, absl::StrCat(where, ": only ", room),
                   absl::StrCat("free some before long jobs, or ", other));
  }
  if (state && facts->file_system == "tmpfs") {
    return Warning(check,
                   absl::StrCat(where,
                                " lies in memory (tmpfs): its jobs are lost when the "
                                "machine stops"),
                   other);
  }
  if (state && IsNetwork(facts->file_system)) {
    return Warning(check,
                   absl::StrCat(where, " is a network disk (", facts->file_system,
                                "), whose locks a database cannot trust"),
                   absl::StrCat(other, " on a local disk"));
  }
  const std::string text =
      absl::StrCat(where, ": ", room, ", 64 KiB on the disk in ",
                   absl::FormatDuration(absl::Trunc(facts->fsync_time, absl::Microseconds(10))));
  if (state && facts->fsync_time > kFsyncGood) {
    return Warning(
        check, text,
        absl::StrCat("each change of a job waits for the disk: ", other, " on a faster one"));
  }
  return Ok(check, text);
}

Finding JudgeRoom(const std::string& folder, int64_t free_bytes, int64_t total_bytes,
                  int64_t free_min) {
  const std::string found =
      absl::StrCat("the coordinator's ", folder, ": ", RoomText(free_bytes, total_bytes));
  if (total_bytes == 0) {
    return Warning("coordinator.disk", absl::StrCat("the coordinator can't read ", folder),
                   "look at its log and at that disk");
  }
  if (free_bytes < kRoomLeast) {
    return Failed("coordinator.disk", found, "free some: checkpoints can't be stored without room");
  }
  if (free_bytes < free_min) {
    return Warning("coordinator.disk", found,
                   absl::StrCat("free some: below ", BytesText(free_min),
                                " uploads of users are refused (--min-free-disk)"));
  }
  return Ok("coordinator.disk", found);
}

Finding CheckSharedMemory() {
  struct statvfs room = {};
  if (statvfs("/dev/shm", &room) != 0) return Skipped("disk.shm", "there is no /dev/shm");
  return JudgeSharedMemory(static_cast<int64_t>(room.f_bavail * room.f_frsize),
                           static_cast<int64_t>(room.f_blocks * room.f_frsize));
}

Finding JudgeSharedMemory(int64_t free_bytes, int64_t total_bytes) {
  const std::string found = absl::StrCat("/dev/shm: ", RoomText(free_bytes, total_bytes));
  if (free_bytes >= kSharedGood) return Ok("disk.shm", found);
  return Warning("disk.shm", found,
                 "MPI worlds on one machine need more: start the container with --shm-size=1g, or "
                 "mount it larger");
}

}  // namespace hebb::client::doctor
