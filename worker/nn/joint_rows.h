// SPDX-License-Identifier: Apache-2.0
// The rows of all slices that a rank owns, one after the other, as a joint layer works on them.
#ifndef HEBB_WORKER_NN_JOINT_ROWS_H_
#define HEBB_WORKER_NN_JOINT_ROWS_H_

#include <cstdint>
#include <span>

namespace hebb::nn {

// Rows [offsets[i], offsets[i+1]) are slice i's: offsets.front() == 0, offsets.back() == rows.
// A slice may be empty; its part of a sum is +0.
struct JointRows {
  int64_t rows = 0;
  std::span<const int64_t> offsets;
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_JOINT_ROWS_H_
