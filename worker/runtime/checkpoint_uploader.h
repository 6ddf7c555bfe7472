// SPDX-License-Identifier: Apache-2.0
// Rank 0's checkpoints on their way to the coordinator: spooled on this worker's disk, sent in the
// background, oldest first, for as long as the coordinator is away. Only the newest `keep` wait.
// One that the disk does not take waits in memory: a full disk is no reason to fail a job.
#ifndef HEBB_WORKER_RUNTIME_CHECKPOINT_UPLOADER_H_
#define HEBB_WORKER_RUNTIME_CHECKPOINT_UPLOADER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/chunks.h"
#include "hebb/v1/jobs.pb.h"
#include "hebb/v1/workers.pb.h"
#include "worker/checkpoint/checkpoint.h"
#include "worker/checkpoint/spool.h"
#include "worker/runtime/cancellation.h"

namespace hebb::runtime {

// One attempt's checkpoints. Add and AwaitSent: the training thread. Owns its folder and a thread;
// the destructor gives up what was not sent, and removes the folder.
class CheckpointUploader {
 public:
  struct Options {
    std::string folder;
    int64_t keep = 3;
    // The generation in whose name a checkpoint is sent: the newest, for the bits are the same. One
    // that is answered ABORTED is sent again when there is another by then.
    std::function<v1::GenerationId()> generation;
    // CoordinatorChannel::UploadCheckpoint.
    std::function<absl::Status(const v1::CheckpointId&, rpc::ChunkReader&, Cancellation&)> upload;
    // Told, on the uploader's thread, of each upload and of each that was given up.
    std::function<void(int64_t step, const absl::Status&)> uploaded;
  };

  static absl::StatusOr<std::unique_ptr<CheckpointUploader>> Create(Options options);
  ~CheckpointUploader();

  // Keeps the checkpoint and returns. RESOURCE_EXHAUSTED and others: why it is not on the disk; it
  // waits in memory then, until it is sent or a newer one is kept.
  absl::Status Add(const checkpoint::Writer& checkpoint);

  // Waits until nothing is left to send. CANCELLED with the reason; otherwise how it went for the
  // last one: OK, ABORTED (the generation is over), or why the coordinator does not want it.
  absl::Status AwaitSent(Cancellation& cancellation);

 private:
  struct Held {
    int64_t step = 0;
    std::string weights_digest;
    std::string bytes;
  };
  // The file's content from its beginning.
  using OpenChunks = std::function<absl::StatusOr<std::unique_ptr<rpc::ChunkReader>>()>;

  CheckpointUploader(Options options, checkpoint::Spool spool);
  void SendForever();
  // One look at the spool, then at what is held. False if there was nothing.
  absl::StatusOr<bool> SendOldest();
  bool SendHeld();
  absl::Status SendUntilDecided(int64_t step, const std::string& weights_digest,
                                const OpenChunks& open);
  void Settle(int64_t step, const absl::Status& status);
  bool WorkOrEnd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return work_ || ending_; }

  const Options options_;
  const checkpoint::Spool spool_;
  Cancellation end_;
  absl::Mutex mutex_;
  bool work_ ABSL_GUARDED_BY(mutex_) = false;  // there may be something in the spool
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // the thread is looking or sending
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  // Newer than all in the spool.
  std::shared_ptr<const Held> held_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_CHECKPOINT_UPLOADER_H_
