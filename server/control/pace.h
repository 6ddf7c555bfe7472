// SPDX-License-Identifier: Apache-2.0
// How fast a gang goes, and so when its job will end. Pure.
#ifndef HEBB_SERVER_CONTROL_PACE_H_
#define HEBB_SERVER_CONTROL_PACE_H_

#include <cstdint>

#include "absl/time/time.h"

namespace hebb::control {

class Pace {
 public:
  // Steps that are done. A new generation may be of another size: its pace is measured anew.
  void Add(int generation, int64_t step, int64_t total_steps, absl::Time now) {
    if (generation != generation_ || step < step_) {
      *this = Pace();
      generation_ = generation;
      first_step_ = step;
      since_ = now;
    }
    step_ = step;
    total_ = total_steps;
    last_ = now;
  }

  // Infinite: cannot be told, as long as too little was seen or the job's length is not known.
  absl::Time EstimatedEnd() const {
    if (total_ <= 0 || step_ <= first_step_ || last_ <= since_) return absl::InfiniteFuture();
    const double left =
        static_cast<double>(total_ - step_) / static_cast<double>(step_ - first_step_);
    return last_ + (last_ - since_) * left;
  }

 private:
  int generation_ = -1;
  int64_t first_step_ = 0;
  int64_t step_ = 0;
  int64_t total_ = 0;
  absl::Time since_ = absl::InfinitePast();
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace hebb::control

#endif  // HEBB_SERVER_CONTROL_PACE_H_
