// SPDX-License-Identifier: Apache-2.0
// Checkpoints on rank 0's disk while the coordinator is away: the newest few stay until they are
// delivered.
#ifndef HEBB_WORKER_CHECKPOINT_SPOOL_H_
#define HEBB_WORKER_CHECKPOINT_SPOOL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/checkpoint/checkpoint.h"

namespace hebb::checkpoint {

// A folder of one job's checkpoint files, "step-<number>.safetensors". The folder is the whole
// state: a spool opened again after a crash finds what was written.
//
// Thread-safe: files appear and vanish as a whole, and one that vanishes meanwhile is passed over.
class Spool {
 public:
  struct Item {
    int64_t step = 0;
    std::string path;
  };
  // A sound checkpoint.
  struct Delivery {
    Item item;
    std::string weights_digest;
  };

  // Makes the folder where there is none and removes what a crash left half-written.
  // REQUIRES: keep >= 1.
  static absl::StatusOr<Spool> Open(std::string folder, int64_t keep);

  // Writes a checkpoint file atomically, over one of the same step, then removes all but the
  // newest `keep`. RESOURCE_EXHAUSTED on a full disk; the older files then stay.
  absl::Status Put(const Writer& checkpoint) const;

  // All files, oldest step first, unread.
  absl::StatusOr<std::vector<Item>> List() const;

  // The oldest sound checkpoint, nullopt when there is none. A damaged file is set aside (renamed
  // to "<name>.damaged") with its DATA_LOSS, which names it, added to `refused`.
  absl::StatusOr<std::optional<Delivery>> Oldest(std::vector<absl::Status>& refused) const;

  // After delivery. OK if it is gone already.
  absl::Status Remove(const Item& item) const;

 private:
  Spool(std::string folder, int64_t keep);

  std::string folder_;
  int64_t keep_;
};

}  // namespace hebb::checkpoint

#endif  // HEBB_WORKER_CHECKPOINT_SPOOL_H_
