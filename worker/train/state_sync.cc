// SPDX-License-Identifier: Apache-2.0
#include "worker/train/state_sync.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/weights/safetensors.h"

namespace hebb::train {
namespace {

// Announces the state that follows; the same bytes on every rank.
struct Announcement {
  int64_t bytes = 0;
  int64_t step = 0;
  std::array<char, 64> weights_digest = {};
};

// REQUIRES: this rank did not ask for the state.
absl::Status CheckSame(const Announcement& announced, int source, int rank, const RunState& state) {
  if (state.progress.step != announced.step) {
    return absl::InternalError(absl::StrCat("rank ", rank, " stands at step ", state.progress.step,
                                            " and was not given the state of rank ", source,
                                            " at step ", announced.step));
  }
  const std::string digest = weights::WeightsDigest(state.Tensors());
  if (std::equal(digest.begin(), digest.end(), announced.weights_digest.begin())) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("replicas differ at step ", announced.step, ": the weights of rank ", source,
                   " and rank ", rank, "; check the machines' memory and kernels"));
}

// The bytes of `source` to all, part by part, so that a rank that only passes them on (no `whole`)
// needs little memory.
absl::Status BroadcastParts(comm::Communicator& communicator, int source, int64_t total,
                            int64_t part_bytes, std::string* whole, absl::Time deadline) {
  std::string passing;
  for (int64_t at = 0; at < total; at += part_bytes) {
    const int64_t size = std::min(part_bytes, total - at);
    if (whole == nullptr) passing.resize(size);
    char* const begin = whole != nullptr ? whole->data() + at : passing.data();
    HEBB_RETURN_IF_ERROR(communicator.Broadcast(
        std::as_writable_bytes(std::span<char>(begin, size)), source, deadline));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BroadcastState(comm::Communicator& communicator, int source, bool wanted,
                            RunState& state, absl::Time deadline, int64_t chunk_bytes) {
  const int rank = communicator.topology().rank;
  std::string bytes;
  Announcement announced;
  if (rank == source) {
    const checkpoint::Writer writer = state.CheckpointWriter();
    bytes = writer.Bytes();
    announced.bytes = static_cast<int64_t>(bytes.size());
    announced.step = state.progress.step;
    std::copy_n(writer.weights_digest().begin(), announced.weights_digest.size(),
                announced.weights_digest.begin());
  }
  HEBB_RETURN_IF_ERROR(
      communicator.Broadcast(std::as_writable_bytes(std::span(&announced, 1)), source, deadline));
  const bool keeps_bytes = rank == source || wanted;
  if (keeps_bytes) bytes.resize(announced.bytes);
  HEBB_RETURN_IF_ERROR(BroadcastParts(communicator, source, announced.bytes, chunk_bytes,
                                      keeps_bytes ? &bytes : nullptr, deadline));
  if (rank == source) return absl::OkStatus();
  if (wanted) return state.Restore(bytes, absl::StrCat("state of rank ", source));
  return CheckSame(announced, source, rank, state);
}

absl::Status AgreeOnStanding(comm::Communicator& communicator, RunState& state,
                             absl::Time deadline) {
  struct Standing {
    int64_t step = 0;
    int64_t epoch_reported = 0;
  };
  const Standing mine = {state.progress.step, state.epoch_reported ? 1 : 0};
  std::vector<Standing> all(communicator.topology().size);
  HEBB_RETURN_IF_ERROR(communicator.AllGather(std::as_bytes(std::span(&mine, 1)),
                                              std::as_writable_bytes(std::span(all)), deadline));
  for (size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank].step != all[0].step) {
      return absl::InternalError(absl::StrCat("rank 0 stands at step ", all[0].step, ", rank ",
                                              rank, " at step ", all[rank].step));
    }
    if (all[rank].epoch_reported == 0) state.epoch_reported = false;
  }
  return absl::OkStatus();
}

}  // namespace hebb::train
