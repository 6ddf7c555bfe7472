// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/tree_sum.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/check.h"
#include "common/status_macros.h"
#include "worker/comm/tile_program.h"

namespace hebb::comm {
namespace {

constexpr size_t kSegment = 256 * 1024;  // floats of a rank's chunk per round (1 MB)
constexpr size_t kDirect = 4096;   // floats up to which one round of latency costs more than bytes
constexpr size_t kCacheLine = 16;  // floats

struct Part {
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

// Which part of the vector each rank finishes in each round. A small vector is finished by every
// rank whole (direct): one round, nothing to gather, the same additions.
class Layout {
 public:
  Layout(size_t n, int ranks) : n_(n), direct_(ranks > 1 && n <= kDirect) {
    const size_t share = (n + ranks - 1) / ranks;
    chunk_ = direct_ ? n : (share + kCacheLine - 1) / kCacheLine * kCacheLine;
    rounds_ = (chunk_ + kSegment - 1) / kSegment;
  }

  bool direct() const { return direct_; }
  size_t rounds() const { return rounds_; }
  size_t longest_part() const { return std::min(chunk_, kSegment); }

  Part PartOf(int rank, size_t round) const {
    const size_t chunk_begin = direct_ ? 0 : chunk_ * rank;
    const size_t begin = chunk_begin + round * kSegment;
    const size_t end = std::min(begin + kSegment, chunk_begin + chunk_);
    return {std::min(begin, n_), std::min(end, n_)};
  }

 private:
  size_t n_ = 0;
  bool direct_ = false;
  size_t chunk_ = 0;
  size_t rounds_ = 0;
};

std::span<const std::byte> Bytes(const float* data, size_t n) {
  return std::as_bytes(std::span(data, n));
}

std::span<std::byte> WritableBytes(float* data, size_t n) {
  return std::as_writable_bytes(std::span(data, n));
}

std::vector<SliceRange> SingleLeaves(SliceRange range) {
  std::vector<SliceRange> leaves;
  for (int i = range.begin; i < range.end; ++i) leaves.push_back({i, i + 1});
  return leaves;
}

void Grow(std::vector<float>& scratch, size_t n) {
  if (scratch.size() < n) scratch.resize(n);
}

}  // namespace

SliceRange SlicesOfRank(int slices, int rank, int size) {
  return {static_cast<int>(int64_t{rank} * slices / size),
          static_cast<int>(int64_t{rank + 1} * slices / size)};
}

struct TreeSum::Scratch {
  struct OwnNode {
    SliceRange leaves;  // numbers within this rank's leaves
    uint32_t tag = 0;
    TileProgram sum;  // of its leaves
  };
  struct ForeignNode {
    int rank = 0;
    uint32_t tag = 0;
  };

  // Constant after construction. Node tags are the nodes' numbers in tree order over all ranks.
  Topology topology;
  SliceRange own;
  std::vector<OwnNode> own_nodes;
  std::vector<ForeignNode> foreign_nodes;
  int foreign_before = 0;  // foreign nodes left of this rank's slices
  uint32_t gather_tag = 0;
  std::optional<TileProgram> finish;  // the tree over own leaves and foreign nodes

  // Reused by every call.
  std::vector<float> partials;  // [own node][destination][part]
  std::vector<float> received;  // [foreign node][part]
  std::vector<Send> sends;
  std::vector<Receive> receives;
  std::vector<const float*> inputs;

  Scratch(Topology t, int slices);
  void Reserve(const Layout& layout);
  void PostScatter(const Layout& layout, size_t round, std::span<const float* const> leaves);
  void PostGather(const Layout& layout, size_t round, float* sum);
  void Finish(const Layout& layout, size_t round, std::span<const float* const> leaves, float* sum);
  const float* PartialSum(OwnNode& node, Part part, std::span<const float* const> leaves,
                          float* partial);
};

TreeSum::Scratch::Scratch(Topology t, int slices)
    : topology(t), own(SlicesOfRank(slices, t.rank, t.size)) {
  std::vector<SliceRange> finish_inputs;
  for (int rank = 0; rank < t.size; ++rank) {
    for (const SliceRange& node : MaximalNodes(slices, SlicesOfRank(slices, rank, t.size))) {
      const std::vector<SliceRange> leaves = SingleLeaves(node);
      if (rank == t.rank) {
        const SliceRange local = {node.begin - own.begin, node.end - own.begin};
        own_nodes.push_back({local, gather_tag, TileProgram(node, leaves)});
        finish_inputs.insert(finish_inputs.end(), leaves.begin(), leaves.end());
      } else {
        foreign_nodes.push_back({rank, gather_tag});
        finish_inputs.push_back(node);
        if (rank < t.rank) ++foreign_before;
      }
      ++gather_tag;
    }
  }
  finish.emplace(SliceRange{0, slices}, finish_inputs);
}

void TreeSum::Scratch::Reserve(const Layout& layout) {
  if (topology.size == 1) return;
  Grow(partials, own_nodes.size() * topology.size * layout.longest_part());
  Grow(received, foreign_nodes.size() * layout.longest_part());
}

// The sum of a node's leaves over `part`: the leaf itself, or made in `partial`.
const float* TreeSum::Scratch::PartialSum(OwnNode& node, Part part,
                                          std::span<const float* const> leaves, float* partial) {
  if (node.leaves.size() == 1) return leaves[node.leaves.begin] + part.begin;
  inputs.clear();
  for (int i = node.leaves.begin; i < node.leaves.end; ++i) {
    inputs.push_back(leaves[i] + part.begin);
  }
  node.sum.Run(inputs, partial, part.size());
  return partial;
}

// This rank's nodes, cut for each rank; and the others' nodes, cut for this rank.
void TreeSum::Scratch::PostScatter(const Layout& layout, size_t round,
                                   std::span<const float* const> leaves) {
  float* partial = partials.data();
  for (OwnNode& node : own_nodes) {
    const float* whole = nullptr;  // direct: the same for all
    for (int to = 0; to < topology.size; ++to) {
      const Part part = layout.PartOf(to, round);
      if (to == topology.rank || part.size() == 0) continue;
      const float* data = whole;
      if (data == nullptr) {
        data = PartialSum(node, part, leaves, partial);
        partial += layout.longest_part();
      }
      if (layout.direct()) whole = data;
      sends.push_back({to, node.tag, Bytes(data, part.size())});
    }
  }
  const Part mine = layout.PartOf(topology.rank, round);
  if (mine.size() == 0) return;
  float* into = received.data();
  for (const ForeignNode& node : foreign_nodes) {
    receives.push_back({node.rank, node.tag, WritableBytes(into, mine.size())});
    into += layout.longest_part();
  }
}

// This rank's finished part to all, and theirs into place.
void TreeSum::Scratch::PostGather(const Layout& layout, size_t round, float* sum) {
  const Part mine = layout.PartOf(topology.rank, round);
  for (int peer = 0; peer < topology.size; ++peer) {
    if (peer == topology.rank) continue;
    const Part theirs = layout.PartOf(peer, round);
    if (mine.size() > 0) sends.push_back({peer, gather_tag, Bytes(sum + mine.begin, mine.size())});
    if (theirs.size() > 0) {
      receives.push_back({peer, gather_tag, WritableBytes(sum + theirs.begin, theirs.size())});
    }
  }
}

void TreeSum::Scratch::Finish(const Layout& layout, size_t round,
                              std::span<const float* const> leaves, float* sum) {
  const Part mine = layout.PartOf(topology.rank, round);
  if (mine.size() == 0) return;
  inputs.clear();
  const float* from = received.data();
  for (size_t i = 0; i <= foreign_nodes.size(); ++i) {
    if (static_cast<int>(i) == foreign_before) {
      for (const float* leaf : leaves) inputs.push_back(leaf + mine.begin);
    }
    if (i == foreign_nodes.size()) break;
    inputs.push_back(from);
    from += layout.longest_part();
  }
  finish->Run(inputs, sum + mine.begin, mine.size());
}

TreeSum::TreeSum(Communicator& communicator, int slices)
    : communicator_(communicator), slices_(slices) {
  const Topology topology = communicator.topology();
  HEBB_CHECK(topology.size <= slices);
  scratch_ = std::make_unique<Scratch>(topology, slices);
}

TreeSum::~TreeSum() = default;

// Round i scatters segment i and gathers segment i-1 in one exchange.
absl::Status TreeSum::Sum(std::span<const float* const> leaves, std::span<float> sum,
                          absl::Time deadline) {
  Scratch& s = *scratch_;
  HEBB_CHECK(static_cast<int>(leaves.size()) == s.own.size());
  const Layout layout(sum.size(), s.topology.size);
  s.Reserve(layout);
  for (size_t round = 0; round <= layout.rounds(); ++round) {
    s.sends.clear();
    s.receives.clear();
    if (round < layout.rounds()) s.PostScatter(layout, round, leaves);
    if (round > 0 && !layout.direct()) s.PostGather(layout, round - 1, sum.data());
    HEBB_RETURN_IF_ERROR(communicator_.Exchange(s.sends, s.receives, deadline));
    if (round < layout.rounds()) s.Finish(layout, round, leaves, sum.data());
  }
  return absl::OkStatus();
}

namespace {

// One element of node (lo, hi), straight from the definition in tree_sum.h: mid depends on lo + hi,
// so the absolute numbers count.
float NodeSum(std::span<const float* const> leaves, int lo, int hi, size_t element) {
  if (hi - lo == 1) return leaves[lo][element];
  const int mid = (lo + hi) / 2;
  const float left = NodeSum(leaves, lo, mid, element);
  return left + NodeSum(leaves, mid, hi, element);
}

}  // namespace

void SerialTreeSum(std::span<const float* const> leaves, std::span<float> sum) {
  HEBB_CHECK(!leaves.empty());
  for (size_t i = 0; i < sum.size(); ++i) {
    sum[i] = NodeSum(leaves, 0, static_cast<int>(leaves.size()), i);
  }
}

}  // namespace hebb::comm
