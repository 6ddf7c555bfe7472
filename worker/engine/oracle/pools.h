// SPDX-License-Identifier: Apache-2.0
// What the oracle's pools look at.
#ifndef HEBB_WORKER_ENGINE_ORACLE_POOLS_H_
#define HEBB_WORKER_ENGINE_ORACLE_POOLS_H_

#include <cstdint>
#include <vector>

#include "worker/engine/oracle/run.h"

namespace hebb::engine {

// The input indices of output `out`'s window (`out` counts over rows and channels too), row by row.
// `before`: of windows along an axis. Positions outside the image are -1.
inline std::vector<int64_t> PoolWindow(const OracleNode& node, int64_t out, int64_t size,
                                       int64_t stride, int64_t top, int64_t left) {
  const int64_t x = out % node.shape.width, y = out / node.shape.width % node.shape.height;
  const int64_t plane = out / node.places();  // row and channel
  std::vector<int64_t> window;
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j) {
      const int64_t yy = y * stride + i - top, xx = x * stride + j - left;
      const bool inside = yy >= 0 && yy < node.in.height && xx >= 0 && xx < node.in.width;
      window.push_back(inside ? (plane * node.in.height + yy) * node.in.width + xx : -1);
    }
  return window;
}

inline std::vector<int64_t> InsideOnly(std::vector<int64_t> window) {
  std::erase(window, -1);
  return window;
}

// With stride < size and padding the author's own (paper 4.7): windows begin at their upper left
// corner, and the zeros beyond the border (-1) take part. Else TensorFlow's: they do not.
inline std::vector<int64_t> MaxPoolWindow(const OracleNode& node, int64_t out) {
  const auto& pool = *node.As<spec::MaxPool>();
  const bool own = pool.stride < pool.size && pool.padding == spec::Padding::kSame;
  if (own) return PoolWindow(node, out, pool.size, pool.stride, 0, 0);
  const auto before = [&](int64_t pixels) {
    return WindowsOf(pool.padding, pixels, pool.size, pool.stride).before;
  };
  return InsideOnly(
      PoolWindow(node, out, pool.size, pool.stride, before(node.in.height), before(node.in.width)));
}

inline std::vector<int64_t> AvgPoolWindow(const OracleNode& node, int64_t out) {
  const auto& pool = *node.As<spec::AvgPool>();
  const auto before = [&](int64_t pixels) {
    return WindowsOf(pool.padding, pixels, pool.size, pool.stride).before;
  };
  return InsideOnly(
      PoolWindow(node, out, pool.size, pool.stride, before(node.in.height), before(node.in.width)));
}

}  // namespace hebb::engine

#endif  // HEBB_WORKER_ENGINE_ORACLE_POOLS_H_
