// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/files.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/chunks.h"
#include "common/spec/parse.h"
#include "common/status_macros.h"

namespace hebb::rpc {
namespace {

// Far above any checkpoint; a client cannot fill the disk by one mistaken stream.
constexpr int64_t kFileBytesMax = int64_t{64} << 30;

// ABORTED unless `id` is of the job's current generation and the job has not ended.
absl::Status CheckCurrent(const job::Job& job, const v1::CheckpointId& id) {
  const job::Attempt none;
  const job::Attempt& current = job.attempts.empty() ? none : job.attempts.back();
  const bool active = !job::IsTerminal(job.state) && job.state != job::State::kQueued;
  if (active && current.number == id.attempt() && current.generation == id.generation()) {
    return absl::OkStatus();
  }
  return absl::AbortedError(absl::StrCat("checkpoint of job ", job.id, " attempt ", id.attempt(),
                                         " generation ", id.generation(), ": the job is ",
                                         job::StateName(job.state), " in attempt ", current.number,
                                         " generation ", current.generation));
}

}  // namespace

absl::Status CheckSha256(const std::string& sha256) {
  const bool hex = std::all_of(sha256.begin(), sha256.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (hex && sha256.size() == 64) return absl::OkStatus();
  return absl::InvalidArgumentError("a SHA-256 is 64 digits of lower-case hex");
}

absl::StatusOr<ReceivedFile> ReceiveFile(store::BlobStore& blobs, v1::Chunk& chunk,
                                         const ChunkSource& next) {
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<store::BlobWriter> writer, blobs.Write());
  ChunkCheck check;
  do {
    if (chunk.total_bytes() > kFileBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("file of ", chunk.total_bytes(), " bytes; at most ", kFileBytesMax));
    }
    HEBB_RETURN_IF_ERROR(check.Accept(chunk));
    HEBB_RETURN_IF_ERROR(writer->Append(chunk.offset(), chunk.data()));
  } while (next(chunk));
  HEBB_RETURN_IF_ERROR(check.Finish());
  HEBB_RETURN_IF_ERROR(writer->Commit(check.sha256()));
  return ReceivedFile{check.sha256(), check.bytes()};
}

absl::Status SendFile(const std::string& path, const ChunkSink& sink) {
  HEBB_ASSIGN_OR_RETURN(const std::unique_ptr<ChunkReader> reader, ChunkReader::Open(path));
  v1::Chunk chunk;
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const bool more, reader->Next(chunk));
    if (!more) return absl::OkStatus();
    if (!sink(chunk)) return absl::CancelledError("the receiver has gone");
  }
}

absl::StatusOr<ReceivedFile> ReceiveCheckpoint(const Context& context, const ChunkSource& next) {
  v1::Chunk chunk;
  if (!next(chunk) || !chunk.has_checkpoint()) {
    return absl::InvalidArgumentError("the first chunk does not say which checkpoint it is of");
  }
  const v1::CheckpointId id = chunk.checkpoint();
  HEBB_ASSIGN_OR_RETURN(const job::Job job, context.jobs.Get(id.job()));
  HEBB_RETURN_IF_ERROR(CheckCurrent(job, id));
  HEBB_ASSIGN_OR_RETURN(const spec::Job spec, spec::JobFromJson(job.spec_json));
  HEBB_ASSIGN_OR_RETURN(const ReceivedFile file, ReceiveFile(context.blobs, chunk, next));
  // The upload may have taken long: what counts is the generation that is current now.
  const auto updated = context.jobs.Update(job.id, [&](job::Job& changed) {
    absl::Status current = CheckCurrent(changed, id);
    if (current.ok()) changed.weights_digest = id.weights_digest();
    return current;
  });
  HEBB_RETURN_IF_ERROR(updated.status());
  const job::FileRef ref{file.sha256, file.bytes, id.step(), id.weights_digest(), absl::Now()};
  HEBB_RETURN_IF_ERROR(
      context.checkpoints.Put(job.id, ref, std::max<int64_t>(spec.checkpoint.keep, 1)));
  return file;
}

}  // namespace hebb::rpc
