// SPDX-License-Identifier: Apache-2.0
// A worker process's own folder for what it spools, among those of other workers of the machine.
#ifndef HEBB_WORKER_RUNTIME_WORK_FOLDER_H_
#define HEBB_WORKER_RUNTIME_WORK_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/datasets/folder_lock.h"

namespace hebb::runtime {

// Owns "<parent>/worker-<pid>" while it lives, locked; the destructor removes it.
class WorkFolder {
 public:
  // Also removes the folders of workers that have died: a worker that starts anew holds no attempt,
  // so nobody will send what is in them.
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Create(const std::string& parent);
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  WorkFolder(std::string path, std::unique_ptr<datasets::FolderLock> lock);

  const std::string path_;
  const std::unique_ptr<datasets::FolderLock> lock_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_WORK_FOLDER_H_
