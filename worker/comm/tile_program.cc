// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/tile_program.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"

namespace hebb::comm {
namespace {

int Middle(SliceRange node) { return (node.begin + node.end) / 2; }

void AppendMaximal(SliceRange node, SliceRange owned, std::vector<SliceRange>& nodes) {
  if (node.end <= owned.begin || owned.end <= node.begin) return;
  if (owned.begin <= node.begin && node.end <= owned.end) {
    nodes.push_back(node);
    return;
  }
  AppendMaximal({node.begin, Middle(node)}, owned, nodes);
  AppendMaximal({Middle(node), node.end}, owned, nodes);
}

// result may be left or right, but overlaps neither in part: no dependence between iterations.
void Add(const float* left, const float* right, float* result, size_t n) {
#pragma GCC ivdep
  for (size_t i = 0; i < n; ++i) result[i] = left[i] + right[i];
}

}  // namespace

std::vector<SliceRange> MaximalNodes(int slices, SliceRange owned) {
  std::vector<SliceRange> nodes;
  AppendMaximal({0, slices}, owned, nodes);
  return nodes;
}

TileProgram::TileProgram(SliceRange root, std::span<const SliceRange> inputs)
    : input_count_(inputs.size()) {
  HEBB_CHECK(!inputs.empty());
  Compile(root, 0, inputs);
  if (additions_.empty()) return;
  additions_.back().result = {Place::kOutput, 0};
  int tiles = 0;
  for (const Addition& addition : additions_) {
    if (addition.result.place == Place::kScratch) {
      tiles = std::max(tiles, addition.result.number + 1);
    }
  }
  scratch_.resize(tiles * kTile);
}

TileProgram::Operand TileProgram::Compile(SliceRange node, int depth,
                                          std::span<const SliceRange> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].begin == node.begin && inputs[i].end == node.end) {
      return {Place::kInput, static_cast<int>(i)};
    }
  }
  HEBB_CHECK(node.size() > 1);  // else the inputs do not partition the root
  // The left sum waits in tile `depth` while the right one is made in the tiles above it.
  const Operand left = Compile({node.begin, Middle(node)}, depth, inputs);
  const Operand right = Compile({Middle(node), node.end}, depth + 1, inputs);
  const Operand result = {Place::kScratch, depth};
  additions_.push_back({left, right, result});
  return result;
}

void TileProgram::Run(std::span<const float* const> inputs, float* out, size_t n) {
  HEBB_CHECK(inputs.size() == input_count_);
  if (additions_.empty()) {
    if (n > 0) std::memmove(out, inputs[0], n * sizeof(float));
    return;
  }
  for (size_t offset = 0; offset < n; offset += kTile) {
    const auto read = [&](Operand operand) -> const float* {
      return operand.place == Place::kInput ? inputs[operand.number] + offset
                                            : scratch_.data() + operand.number * kTile;
    };
    const size_t count = std::min(kTile, n - offset);
    for (const Addition& addition : additions_) {
      float* result = addition.result.place == Place::kOutput
                          ? out + offset
                          : scratch_.data() + addition.result.number * kTile;
      Add(read(addition.left), read(addition.right), result, count);
    }
  }
}

}  // namespace hebb::comm
