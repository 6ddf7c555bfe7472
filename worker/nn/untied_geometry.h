// SPDX-License-Identifier: Apache-2.0
// Where the matrices of an untied layer lie and which of its connections exist (paper.md 7).
//
// An untied layer is a convolution whose every output place has filters of its own. A tap that
// falls outside the image is no connection: it has no memory, is never read and never updated.
// W, R and G lie as [place][tap][channel][filter], places and the taps inside the image in row
// order, without gaps: their size is the number of connections (paper.md 4.6).
#ifndef HEBB_WORKER_NN_UNTIED_GEOMETRY_H_
#define HEBB_WORKER_NN_UNTIED_GEOMETRY_H_

#include <cstdint>
#include <vector>

#include "worker/nn/conv_kernels.h"

namespace hebb::nn {

// Along one axis: the taps of one output place that are inside the image.
struct TapRange {
  int64_t tap = 0;     // the first of them
  int64_t pixel = 0;   // that it sees
  int64_t count = 0;   // how many
  int64_t before = 0;  // taps inside of all places before this one
};

// Immutable, hence thread-safe.
class UntiedGeometry {
 public:
  explicit UntiedGeometry(const ConvShape& shape);

  const ConvShape& shape() const { return shape_; }
  const TapRange& row(int64_t y) const { return rows_[y]; }
  const TapRange& column(int64_t x) const { return columns_[x]; }

  // Floats of W, R or G.
  int64_t connections() const {
    const TapRange &y = rows_.back(), &x = columns_.back();
    return (y.before + y.count) * (x.before + x.count) * shape_.input.channels *
           shape_.output.channels;
  }

  // Of the matrix of place (y, x).
  int64_t Offset(int64_t y, int64_t x) const {
    const TapRange &last = columns_.back(), &row = rows_[y];
    const int64_t taps = row.before * (last.before + last.count) + row.count * columns_[x].before;
    return taps * shape_.input.channels * shape_.output.channels;
  }

 private:
  std::vector<TapRange> Axis(int64_t pixels, int64_t places) const;

  ConvShape shape_;
  std::vector<TapRange> rows_;     // by y
  std::vector<TapRange> columns_;  // by x
};

}  // namespace hebb::nn

#endif  // HEBB_WORKER_NN_UNTIED_GEOMETRY_H_
