// SPDX-License-Identifier: Apache-2.0
#include "worker/comm/tree_sum.h"

#include <algorithm>
#include <new>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "worker/slices/slice_tree.h"

namespace hebb::comm {
namespace {

using slices::SliceRange;

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

}  // namespace

struct TreeSum::Scratch {
  struct ForeignNode {
    int rank = 0;
    uint32_t tag = 0;
  };

  // Constant after construction. Node tags are the nodes' numbers in tree order over all ranks.
  Topology topology;
  std::vector<uint32_t> own_tags;  // by own node
  std::vector<ForeignNode> foreign_nodes;
  int foreign_before = 0;  // foreign nodes left of this rank's slices
  uint32_t gather_tag = 0;
  slices::VectorMemory& memory;
  std::unique_ptr<slices::Folding> finish;  // the tree over all ranks' nodes

  // Reused by every call.
  slices::OwnedVector received;  // [foreign node][part]
  std::vector<Send> sends;
  std::vector<Receive> receives;
  std::vector<const float*> inputs;

  Scratch(Topology t, int slices, slices::VectorMemory& memory_of_sums);
  absl::Status MakeRoom(const Layout& layout);
  void PostScatter(const Layout& layout, size_t round, std::span<const float* const> nodes);
  void PostGather(const Layout& layout, size_t round, float* sum);
  absl::Status Finish(const Layout& layout, size_t round, std::span<const float* const> nodes,
                      float* sum);
};

TreeSum::Scratch::Scratch(Topology t, int slices, slices::VectorMemory& memory_of_sums)
    : topology(t), memory(memory_of_sums) {
  std::vector<SliceRange> nodes;  // of all ranks, in tree order
  for (int rank = 0; rank < t.size; ++rank) {
    const SliceRange owned = slices::SlicesOfRank(slices, rank, t.size);
    for (const SliceRange& node : slices::MaximalNodes(slices, owned)) {
      if (rank == t.rank) {
        own_tags.push_back(gather_tag);
      } else {
        foreign_nodes.push_back({rank, gather_tag});
        if (rank < t.rank) ++foreign_before;
      }
      nodes.push_back(node);
      ++gather_tag;
    }
  }
  const SliceRange root = {0, slices};
  finish = memory.MakeFolding(slices::Fold({&root, 1}, nodes));
}

// For what the others send. An allocation that fails must not end the thread of the sums.
absl::Status TreeSum::Scratch::MakeRoom(const Layout& layout) {
  const size_t n = foreign_nodes.size() * layout.longest_part();
  if (received.size() >= n) return absl::OkStatus();
  received = {};
  try {
    received = slices::OwnedVector(memory, n);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for the ", n * sizeof(float),
                     " bytes that a sum takes from the other workers; give the job a smaller "
                     "network or batch, or the worker more memory"));
  }
  return absl::OkStatus();
}

// This rank's nodes, cut for each rank; and the others' nodes, cut for this rank.
void TreeSum::Scratch::PostScatter(const Layout& layout, size_t round,
                                   std::span<const float* const> nodes) {
  for (size_t node = 0; node < nodes.size(); ++node) {
    for (int to = 0; to < topology.size; ++to) {
      const Part part = layout.PartOf(to, round);
      if (to == topology.rank || part.size() == 0) continue;
      sends.push_back({to, own_tags[node], Bytes(nodes[node] + part.begin, part.size())});
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

absl::Status TreeSum::Scratch::Finish(const Layout& layout, size_t round,
                                      std::span<const float* const> nodes, float* sum) {
  const Part mine = layout.PartOf(topology.rank, round);
  if (mine.size() == 0) return absl::OkStatus();
  inputs.clear();
  const float* from = received.data();
  for (size_t i = 0; i <= foreign_nodes.size(); ++i) {
    if (static_cast<int>(i) == foreign_before) {
      for (const float* node : nodes) inputs.push_back(node + mine.begin);
    }
    if (i == foreign_nodes.size()) break;
    inputs.push_back(from);
    from += layout.longest_part();
  }
  float* const part = sum + mine.begin;
  return finish->Run(inputs, {&part, 1}, mine.size());
}

TreeSum::TreeSum(Communicator& communicator, int slices, slices::VectorMemory& memory)
    : communicator_(communicator) {
  const Topology topology = communicator.topology();
  HEBB_CHECK(topology.size <= slices);
  scratch_ = std::make_unique<Scratch>(topology, slices, memory);
}

TreeSum::~TreeSum() = default;

// Round i scatters segment i and gathers segment i-1 in one exchange.
absl::Status TreeSum::Sum(std::span<const float* const> nodes, std::span<float> sum,
                          absl::Time deadline) {
  Scratch& s = *scratch_;
  HEBB_CHECK(nodes.size() == s.own_tags.size());
  const Layout layout(sum.size(), s.topology.size);
  HEBB_RETURN_IF_ERROR(s.MakeRoom(layout));
  for (size_t round = 0; round <= layout.rounds(); ++round) {
    s.sends.clear();
    s.receives.clear();
    if (round < layout.rounds()) s.PostScatter(layout, round, nodes);
    if (round > 0 && !layout.direct()) s.PostGather(layout, round - 1, sum.data());
    HEBB_RETURN_IF_ERROR(communicator_.Exchange(s.sends, s.receives, deadline));
    if (round < layout.rounds()) {
      HEBB_RETURN_IF_ERROR(s.Finish(layout, round, nodes, sum.data()));
    }
  }
  return absl::OkStatus();
}

}  // namespace hebb::comm
