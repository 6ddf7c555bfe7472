// SPDX-License-Identifier: Apache-2.0
// Which input positions a pool's windows hold, along one side of a square image.
#ifndef HEBB_WORKER_NN_POOL_WINDOWS_H_
#define HEBB_WORKER_NN_POOL_WINDOWS_H_

#include <algorithm>
#include <cstdint>

namespace hebb::nn {

// Window i begins at position i stride - pad; with padding it may hang over the image's ends, and
// without it positions may be left over that no window holds.
struct PoolWindows {
  struct Range {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
  };

  int64_t size;
  int64_t stride;
  int64_t pad;  // positions before the image

  // The part of window `index` that lies inside an image of `n` rows (or columns).
  Range Inside(int64_t index, int64_t n) const {
    const int64_t start = index * stride - pad;
    return {std::max<int64_t>(start, 0), std::min(start + size, n)};
  }

  // The windows that hold position `p`; begin >= end: none.
  Range Over(int64_t p, int64_t windows) const {
    const int64_t last = (p + pad) / stride;
    const int64_t first = std::max<int64_t>(p + pad - size + stride, 0) / stride;
    return {first, std::min(last + 1, windows)};
  }
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_POOL_WINDOWS_H_
