// SPDX-License-Identifier: Apache-2.0
// Which workers the coordinator is in touch with, asked again and again from a thread of its own.
// `hebb up` learns from it when the service is ready, and when a rank of an MPI world is frozen,
// which neither mpirun nor waitpid notice.
#ifndef HEBB_CLIENT_LOCAL_CENSUS_H_
#define HEBB_CLIENT_LOCAL_CENSUS_H_

#include <cstdint>
#include <set>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hebb::client {

// Thread-safe. Owns one thread.
class Census {
 public:
  struct View {
    bool serving = false;        // the coordinator answered the last question
    std::set<int64_t> attached;  // pids of workers that are not silent by detect_within
  };

  Census(std::string address, absl::Duration period);
  ~Census();
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;

  View Latest() const;

 private:
  void Run(const std::string& address, absl::Duration period);

  mutable absl::Mutex mutex_;
  View view_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_CENSUS_H_
