// SPDX-License-Identifier: Apache-2.0
// Files between streams of chunks and the blob store.
#ifndef HEBB_SERVER_RPC_FILES_H_
#define HEBB_SERVER_RPC_FILES_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "hebb/v1/jobs.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

using ChunkSource = std::function<bool(v1::Chunk&)>;      // false: the stream has ended
using ChunkSink = std::function<bool(const v1::Chunk&)>;  // false: the client has gone

struct ReceivedFile {
  std::string sha256;
  int64_t bytes = 0;
};

// Takes a whole file, `chunk` its first, into the blob store; durable when it returns.
// INVALID_ARGUMENT, DATA_LOSS as ChunkCheck; RESOURCE_EXHAUSTED on a full disk.
absl::StatusOr<ReceivedFile> ReceiveFile(store::BlobStore& blobs, v1::Chunk& chunk,
                                         const ChunkSource& next);

// CANCELLED when the client has gone.
absl::Status SendFile(const std::string& path, const ChunkSink& sink);

// Rank 0's checkpoint. ABORTED unless it comes from the job's current generation.
absl::StatusOr<ReceivedFile> ReceiveCheckpoint(const Context& context, const ChunkSource& next);

// INVALID_ARGUMENT unless it is 64 letters and digits of lower-case hex.
absl::Status CheckSha256(const std::string& sha256);

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_FILES_H_
