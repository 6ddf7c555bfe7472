// SPDX-License-Identifier: Apache-2.0
// Folders: whether they can be written, how much room they have, and what their disk is.
#ifndef HEBB_CLIENT_DOCTOR_DISK_H_
#define HEBB_CLIENT_DOCTOR_DISK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "client/doctor/finding.h"

namespace hebb::client::doctor {

struct FolderFacts {
  std::string path;  // absolute
  // The folder, or, as it is not there yet, the nearest one above it, where it would be made.
  std::string probed;
  std::string error;        // why it cannot be written; "" if it can
  std::string file_system;  // "tmpfs", "nfs" ...; "" for one with nothing to say about
  int64_t free_bytes = 0;   // for this user
  int64_t total_bytes = 0;
  absl::Duration fsync_time;  // of 64 KiB; the median of five
};

// Writes a small file, flushes it to the disk and removes it. Nothing if the disk does not answer
// within ten seconds.
std::optional<FolderFacts> ProbeFolder(const std::string& path);

enum class FolderUse { kState, kData };

// `check`: disk.state or disk.data.
Finding JudgeFolder(FolderUse use, const std::string& path,
                    const std::optional<FolderFacts>& facts);

// The coordinator's own view of its state folder. `free_min`: what uploads leave free.
Finding JudgeRoom(const std::string& folder, int64_t free_bytes, int64_t total_bytes,
                  int64_t free_min);

// /dev/shm, through which the ranks of an MPI world on one machine talk.
Finding CheckSharedMemory();
Finding JudgeSharedMemory(int64_t free_bytes, int64_t total_bytes);

std::string BytesText(int64_t bytes);  // "1.5 GiB"

}  // namespace hebb::client::doctor

#endif  // HEBB_CLIENT_DOCTOR_DISK_H_
