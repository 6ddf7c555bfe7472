// SPDX-License-Identifier: Apache-2.0
#include "worker/runtime/checkpoint_uploader.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "common/status_macros.h"

namespace hebb::runtime {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
// "Your generation is over" may arrive before the word of the next one, which comes by another way.
constexpr int kAbortedTries = 4;

bool IsSame(const v1::GenerationId& a, const v1::GenerationId& b) {
  return a.job() == b.job() && a.attempt() == b.attempt() && a.generation() == b.generation();
}

// Errors that another try would only repeat.
bool IsFinal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckpointUploader>> CheckpointUploader::Create(Options options) {
  HEBB_ASSIGN_OR_RETURN(
      checkpoint::Spool spool,
      checkpoint::Spool::Open(options.folder, std::max<int64_t>(1, options.keep)));
  return std::unique_ptr<CheckpointUploader>(
      new CheckpointUploader(std::move(options), std::move(spool)));
}

CheckpointUploader::CheckpointUploader(Options options, checkpoint::Spool spool)
    : options_(std::move(options)), spool_(std::move(spool)), thread_([this] { SendForever(); }) {}

CheckpointUploader::~CheckpointUploader() {
  {
    absl::MutexLock lock(&mutex_);
    ending_ = true;
  }
  end_.Cancel("the attempt is over");
  thread_.join();
  std::error_code ignored;  // what is left behind goes with the worker's folder
  std::filesystem::remove_all(options_.folder, ignored);
}

absl::Status CheckpointUploader::Add(const checkpoint::Writer& checkpoint) {
  const absl::Status on_disk = spool_.Put(checkpoint);
  std::shared_ptr<const Held> held;
  if (!on_disk.ok()) {
    held = std::make_shared<const Held>(
        Held{checkpoint.step(), checkpoint.weights_digest(), checkpoint.Bytes()});
  }
  absl::MutexLock lock(&mutex_);
  work_ = true;
  held_ = std::move(held);
  return on_disk;
}

absl::Status CheckpointUploader::AwaitSent(Cancellation& cancellation) {
  bool cancelled = false;
  Cancellation::Scope scope(cancellation, [&](const std::string&) {
    absl::MutexLock lock(&mutex_);
    cancelled = true;
  });
  const auto decided = [&] {
    mutex_.AssertHeld();
    return cancelled || (!work_ && !busy_);
  };
  {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&decided));
    if (!cancelled) return last_;
  }
  return absl::CancelledError(cancellation.reason());  // not under our lock: see Cancel
}

void CheckpointUploader::SendForever() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      busy_ = false;
      mutex_.Await(absl::Condition(this, &CheckpointUploader::WorkOrEnd));
      if (ending_) return;
      work_ = false;
      busy_ = true;
    }
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more && !end_.cancelled()) more = SendOldest();
    if (!more.ok()) Settle(-1, more.status());
  }
}

absl::StatusOr<bool> CheckpointUploader::SendOldest() {
  std::vector<absl::Status> damaged;
  const auto oldest = spool_.Oldest(damaged);
  for (const absl::Status& status : damaged) Settle(-1, status);
  if (!oldest.ok()) {
    if (!SendHeld()) return oldest.status();
    return false;  // what cannot be read was older
  }
  const std::optional<checkpoint::Spool::Delivery>& delivery = *oldest;
  if (!delivery) return SendHeld();
  const absl::Status status = SendUntilDecided(delivery->item.step, delivery->weights_digest, [&] {
    return rpc::ChunkReader::Open(delivery->item.path);
  });
  if (end_.cancelled()) return false;
  // Gone from the spool: newer ones have pushed it out meanwhile.
  std::error_code unknown;
  if (!std::filesystem::exists(delivery->item.path, unknown)) return true;
  HEBB_RETURN_IF_ERROR(spool_.Remove(delivery->item));
  Settle(delivery->item.step, status);
  return true;
}

bool CheckpointUploader::SendHeld() {
  std::shared_ptr<const Held> held;
  {
    absl::MutexLock lock(&mutex_);
    held = held_;
  }
  if (held == nullptr) return false;
  const absl::Status status = SendUntilDecided(
      held->step, held->weights_digest, [&]() -> absl::StatusOr<std::unique_ptr<rpc::ChunkReader>> {
        return std::make_unique<rpc::ChunkReader>(held->bytes);
      });
  if (end_.cancelled()) return false;
  {
    absl::MutexLock lock(&mutex_);
    if (held_ == held) held_ = nullptr;
  }
  Settle(held->step, status);
  return true;
}

void CheckpointUploader::Settle(int64_t step, const absl::Status& status) {
  options_.uploaded(step, status);
  absl::MutexLock lock(&mutex_);
  last_ = status;
}

absl::Status CheckpointUploader::SendUntilDecided(int64_t step, const std::string& weights_digest,
                                                  const OpenChunks& open) {
  absl::Duration pause = kFirstPause;
  int aborted = 0;  // in a row, under the present generation
  while (true) {
    const v1::GenerationId generation = options_.generation();
    v1::CheckpointId id;
    id.set_job(generation.job());
    id.set_attempt(generation.attempt());
    id.set_generation(generation.generation());
    id.set_step(step);
    id.set_weights_digest(weights_digest);
    HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<rpc::ChunkReader> chunks, open());
    const absl::Status status = options_.upload(id, *chunks, end_);
    if (IsFinal(status)) return status;
    aborted = absl::IsAborted(status) ? aborted + 1 : 0;
    if (aborted > 0 && !IsSame(generation, options_.generation())) {
      aborted = 0;  // the bits are the same: the new generation may have them stored
      pause = kFirstPause;
      continue;
    }
    if (aborted == kAbortedTries || !end_.Pause(pause)) return status;
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace hebb::runtime
