// SPDX-License-Identifier: Apache-2.0
// The backstop of collectives: death and freezing are judged by heartbeats, so a collective's own
// deadline must never fire on a step that is only slow (docs/gang_protocol.md, Times).
#ifndef HEBB_WORKER_COMM_STEP_BACKSTOP_H_
#define HEBB_WORKER_COMM_STEP_BACKSTOP_H_

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/time/time.h"

namespace hebb::comm {

// One thread at a time.
class StepBackstop {
 public:
  explicit StepBackstop(absl::Duration least) : least_(least) {}

  void StepTook(absl::Duration step) { last_[count_++ % last_.size()] = step; }

  // max(least, 10 medians of the last steps).
  absl::Duration timeout() const {
    const size_t n = std::min(count_, last_.size());
    if (n == 0) return least_;
    std::array<absl::Duration, kWindow> sorted = last_;
    std::nth_element(sorted.begin(), sorted.begin() + n / 2, sorted.begin() + n);
    return std::max(least_, 10 * sorted[n / 2]);
  }

 private:
  static constexpr size_t kWindow = 31;
  absl::Duration least_;
  std::array<absl::Duration, kWindow> last_ = {};
  size_t count_ = 0;
};

}  // namespace hebb::comm

#endif  // HEBB_WORKER_COMM_STEP_BACKSTOP_H_
