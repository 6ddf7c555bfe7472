// SPDX-License-Identifier: Apache-2.0
// The gRPC channel to the coordinator, and the worker's calls on it beside the attach stream: keys
// of a rendezvous, files down, checkpoints up. gRPC's types stay in the .cc files.
#ifndef HEBB_WORKER_RUNTIME_COORDINATOR_CHANNEL_H_
#define HEBB_WORKER_RUNTIME_COORDINATOR_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/chunks.h"
#include "common/rpc/credentials.h"
#include "hebb/v1/jobs.pb.h"
#include "hebb/v1/workers.pb.h"
#include "worker/comm/rendezvous.h"
#include "worker/runtime/cancellation.h"

namespace hebb::runtime {

// Thread-safe. Every call ends with CANCELLED when its Cancellation is.
class CoordinatorChannel {
 public:
  // HOST:PORT; connects lazily, by TLS with credentials.
  explicit CoordinatorChannel(const std::string& address, const rpc::Credentials& credentials = {});
  ~CoordinatorChannel();

  const std::string& address() const { return address_; }

  // Why it can't be reached, in few words: asks for it once more, and waits at most `within`.
  std::string WhyUnreachable(absl::Duration within);

  // The file with this SHA-256, verified (DATA_LOSS). One try.
  absl::StatusOr<std::string> Download(const v1::StoredFile& file, Cancellation& cancellation);

  // One try. ABORTED: the generation is over.
  absl::Status UploadCheckpoint(const v1::CheckpointId& id, rpc::ChunkReader& reader,
                                Cancellation& cancellation);

  // The stub and its types, for session.cc and the like.
  struct Grpc;
  Grpc& grpc() { return *grpc_; }

 private:
  const std::string address_;
  const rpc::Credentials credentials_;
  std::unique_ptr<Grpc> grpc_;
};

// One generation's keys at the coordinator. Thread-safe.
class CoordinatorRendezvous : public comm::Rendezvous {
 public:
  // Both borrowed.
  CoordinatorRendezvous(CoordinatorChannel& channel, const v1::GenerationId& generation,
                        Cancellation& cancellation);
  absl::Status Set(const std::string& key, const std::string& value) override;
  absl::StatusOr<std::string> Get(const std::string& key, absl::Time deadline) override;

 private:
  CoordinatorChannel& channel_;
  const v1::GenerationId generation_;
  Cancellation& cancellation_;
};

}  // namespace hebb::runtime

#endif  // HEBB_WORKER_RUNTIME_COORDINATOR_CHANNEL_H_
