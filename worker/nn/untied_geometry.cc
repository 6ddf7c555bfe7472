// SPDX-License-Identifier: Apache-2.0
#include "worker/nn/untied_geometry.h"

#include <algorithm>

namespace hebb::nn {

UntiedGeometry::UntiedGeometry(const ConvShape& shape)
    : shape_(shape),
      rows_(Axis(shape.input.height, shape.output.height)),
      columns_(Axis(shape.input.width, shape.output.width)) {}

std::vector<TapRange> UntiedGeometry::Axis(int64_t pixels, int64_t places) const {
  std::vector<TapRange> ranges;
  int64_t before = 0;
  for (int64_t place = 0; place < places; ++place) {
    const int64_t start = place * shape_.stride - shape_.pad_before;
    const int64_t begin = std::max<int64_t>(start, 0);
    const int64_t end = std::min(start + shape_.kernel, pixels);
    const int64_t count = std::max<int64_t>(end - begin, 0);
    ranges.push_back({begin - start, begin, count, before});
    before += count;
  }
  return ranges;
}

}  // namespace hebb::nn
