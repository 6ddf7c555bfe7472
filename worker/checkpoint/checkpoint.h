// SPDX-License-Identifier: Apache-2.0
// A checkpoint: everything from which a job goes on with the same bits, as one unit in one
// safetensors file with a checksum over all of it. Format: docs/checkpoint_format.md. Sees named
// tensors and numbers, not layers.
#ifndef HEBB_WORKER_CHECKPOINT_CHECKPOINT_H_
#define HEBB_WORKER_CHECKPOINT_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/byte_output.h"
#include "common/weights/safetensors.h"
#include "common/weights/tensor_source.h"

namespace hebb::checkpoint {

// Where a run stands beside its weights.
struct Progress {
  int64_t step = 0;  // completed
  // The data cursor: where the next step reads. `step_in_epoch` steps of `epoch` (0-based) are
  // done; after an epoch's last step the cursor is at (next epoch, 0).
  int64_t epoch = 0;
  int64_t step_in_epoch = 0;
  // Sums over the steps done in the epoch of the *last completed* step, so that an epoch reports
  // the same bits after a resume, also one that was complete but not yet reported.
  double epoch_loss = 0;
  int64_t epoch_correct = 0;
  int64_t epoch_samples = 0;

  bool operator==(const Progress&) const = default;
};

// What a checkpoint says of itself.
struct Description {
  Progress progress;
  std::string job_id;
  std::string rule;
  std::string spec_digest;
};

struct Checkpoint : Description {
  std::vector<weights::Tensor> tensors;  // W and R; "optimizer/..." for rules that keep more
  std::string weights_digest;
  std::string hebb_version;
};

// A checkpoint whose tensors are still in its file's bytes, which they borrow.
struct CheckpointView : Description {
  std::vector<weights::TensorSource> tensors;
  std::string weights_digest;
  std::string hebb_version;
};

// A checkpoint that is yet to be written. Its tensors are read where they live, so that no second
// copy of them all is made; valid until they change. Thread-safety: as its sources.
class Writer {
 public:
  Writer(Description description, std::vector<weights::TensorSource> tensors);

  int64_t step() const { return description_.progress.step; }
  const std::string& weights_digest() const { return weights_digest_; }
  // Writes the file. The output's errors.
  absl::Status Write(ByteOutput& output) const;
  std::string Bytes() const;

 private:
  const Description description_;
  const std::vector<weights::TensorSource> tensors_;
  const std::string weights_digest_;
};

// The file of a checkpoint in memory; weights_digest and hebb_version are filled in here.
std::string Encode(const Checkpoint& checkpoint);

// DATA_LOSS, naming `origin`: damaged, or a number in it contradicts another. INVALID_ARGUMENT:
// sound weights, but not a checkpoint.
absl::StatusOr<Checkpoint> Decode(absl::string_view bytes, absl::string_view origin);
absl::StatusOr<CheckpointView> View(absl::string_view bytes, absl::string_view origin);

// Reads a checkpoint file through, piece by piece: its weights digest. Errors as of Decode.
absl::StatusOr<std::string> CheckFile(const std::string& path);

// INVALID_ARGUMENT unless the checkpoint is of a job with this spec digest.
absl::Status CheckSpecDigest(const Description& checkpoint, absl::string_view spec_digest,
                             absl::string_view origin);

}  // namespace hebb::checkpoint

#endif  // HEBB_WORKER_CHECKPOINT_CHECKPOINT_H_
