// SPDX-License-Identifier: Apache-2.0
// The trees of the job files that were read last: reading YAML costs more than all else of a
// submit, and scripts and sweeps hand over the same file many times.
#ifndef HEBB_COMMON_SPEC_RECENT_FILES_H_
#define HEBB_COMMON_SPEC_RECENT_FILES_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/spec/tree.h"

namespace hebb::spec {

// Thread-safe. Bounded: the largest files are read each time.
class RecentFiles {
 public:
  static constexpr size_t kKept = 16;
  static constexpr size_t kLongest = 16 << 10;  // bytes of a file that is kept

  // ParseYaml of a file, or its result of before; a file with problems is not kept.
  Tree Parse(absl::string_view text, std::vector<Problem>& problems);

 private:
  struct File {
    std::string text;
    std::shared_ptr<const Tree> tree;
  };
  std::shared_ptr<const Tree> Find(absl::string_view text);

  absl::Mutex mutex_;
  std::list<File> files_ ABSL_GUARDED_BY(mutex_);  // the last used first
};

}  // namespace hebb::spec

#endif  // HEBB_COMMON_SPEC_RECENT_FILES_H_
