// SPDX-License-Identifier: Apache-2.0
#include "worker/slices/vector_fold.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/check.h"

namespace hebb::slices {
namespace {

// result may be left or right, but overlaps neither in part: no dependence between iterations.
void Add(const float* left, const float* right, float* result, size_t n) {
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) result[i] = left[i] + right[i];
}

}  // namespace

VectorFold::VectorFold(Fold fold)
    : fold_(std::move(fold)), sums_(fold_.depth() * kTile), entries_(fold_.depth()) {}

void VectorFold::Run(std::span<const float* const> inputs, std::span<float* const> roots,
                     size_t n) {
  HEBB_CHECK(static_cast<int>(inputs.size()) == fold_.inputs());
  HEBB_CHECK(static_cast<int>(roots.size()) == fold_.roots());
  for (size_t offset = 0; offset < n; offset += kTile) {
    const size_t count = std::min(kTile, n - offset);
    size_t top = 0;
    for (int input = 0; input < fold_.inputs(); ++input) {
      entries_[top++] = inputs[input] + offset;
      const int root = fold_.root(input);
      for (int merge = fold_.merges(input); merge > 0; --merge) {
        --top;
        // The last addition of a root writes it.
        float* result = merge == 1 && root >= 0 ? roots[root] + offset
                                                : sums_.data() + (top - 1) * kTile;
        Add(entries_[top - 1], entries_[top], result, count);
        entries_[top - 1] = result;
      }
      if (root < 0) continue;
      --top;
      if (entries_[top] == roots[root] + offset) continue;
      std::memcpy(roots[root] + offset, entries_[top], count * sizeof(float));
    }
  }
}

}  // namespace hebb::slices
