// SPDX-License-Identifier: Apache-2.0
// The coordinator's part, played by a test over a real gRPC server on loopback.
#ifndef HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_COORDINATOR_H_
#define HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_COORDINATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "hebb/v1/workers.pb.h"

namespace hebb::runtime {

// Thread-safe. Everything received is kept, over all streams.
class FakeCoordinator {
 public:
  struct Upload {
    v1::CheckpointId id;
    std::string bytes;
  };

  FakeCoordinator();
  ~FakeCoordinator();

  std::string address() const;  // the same after GoAway and ComeBack
  void GoAway();                // ends all streams and calls, refuses connections
  void ComeBack();

  void RefuseWith(const std::string& reason);  // the next Hello
  // Ends each Attach before anything is read of it, as the gate in front of a coordinator does.
  void EndAttachWith(const absl::Status& status);
  void ServeFile(const std::string& sha256, const std::string& bytes);
  void AnswerUploadsWith(const absl::Status& status);  // OK: store them
  // Sampled at the receipt of each message.
  void Probe(std::function<int()> probe);

  void Send(const v1::ToWorker& message);  // on the newest stream, waiting for one

  struct Received {
    v1::FromWorker message;
    int stream = 0;  // 1, 2, ...
    int probe = 0;
  };
  // The next message of a kind after the last one awaited; waits for it, at most 20 s, then fails
  // the test and returns an empty one. Other kinds between are passed over.
  Received Await(v1::FromWorker::MessageCase kind);
  // As Await, from the beginning of stream `stream`.
  Received AwaitOnStream(v1::FromWorker::MessageCase kind, int stream);
  int Count(v1::FromWorker::MessageCase kind) const;
  std::vector<Received> all() const;

  std::vector<Upload> uploads() const;
  bool AwaitUploads(size_t count) const;
  bool AwaitUploadTries(int count) const;
  bool AwaitGetKey() const;  // a GetKey call is waiting
  bool AwaitDownload() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

// ---- messages ----------------------------------------------------------------------------------

v1::GenerationId GenerationOf(int number, int attempt = 1);
v1::ToWorker AssignMessage(int attempt = 1);
v1::ToWorker FormMessage(int generation, int rank = 0, int size = 1, int64_t start_step = 0);
v1::ToWorker LeaveMessage(int generation, v1::LeaveGang::When when);
v1::ToWorker StopMessage(int generation, bool checkpoint);
v1::ToWorker ReleaseMessage(int attempt = 1);
v1::ToWorker AcceptedMessage(int generation);

}  // namespace hebb::runtime

#endif  // HEBB_TESTS_UNIT_WORKER_RUNTIME_FAKE_COORDINATOR_H_
