// SPDX-License-Identifier: Apache-2.0
// The coordinator's parts on loopback, on stores that outlive them, so that a test can restart the
// coordinator under its workers.
#ifndef HEBB_TESTS_UNIT_SERVER_RPC_SERVICE_FIXTURE_H_
#define HEBB_TESTS_UNIT_SERVER_RPC_SERVICE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hebb/v1/jobs.grpc.pb.h"
#include "server/rpc/server.h"
#include "server/store/memory_job_store.h"
#include "tests/unit/server/rpc/fake_worker.h"

namespace hebb::rpc {

// A job file of a small net on the generated set.
std::string JobFile(const std::string& extra = "");

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void StartCoordinator();
  void StopCoordinator();
  // From the next start on: TLS, and a token for each of {name, role}, which is the name.
  void UseTokens(const std::vector<std::pair<std::string, std::string>>& users);
  Context MakeContext();
  const std::string& address() const { return server_->address(); }

  v1::Job Submit(const std::string& yaml);
  v1::Job Get(const std::string& id);
  // Waits until the job is as `fits` says; fails the test after 20 s.
  v1::Job Await(const std::string& id, const std::function<bool(const v1::Job&)>& fits);
  v1::Job AwaitState(const std::string& id, v1::JobState state);
  grpc::Status Cancel(const std::string& id, v1::Job* job);
  grpc::Status Upload(const v1::CheckpointId& id, const std::string& content);

  // Submits a job for `workers` and brings its gang up; the first worker of the list is rank 0.
  v1::FormGang FormGang(const std::vector<FakeWorker*>& workers, const v1::Job& job);

  std::string folder_;
  store::MemoryJobStore jobs_;
  std::unique_ptr<store::BlobStore> blobs_;
  std::unique_ptr<store::LogStore> logs_;
  control::ControllerOptions options_;
  // Of the next start: plain text for everybody, unless a test says otherwise.
  Security security_;
  std::string tokens_path_;
  access::GateOptions gate_options_;
  Limits limits_;

  struct Running {
    explicit Running(ServiceTest& test)
        : jobs(test.jobs_, feed),
          checkpoints(jobs, *test.blobs_),
          controller(LoopOptions(test), jobs, *test.blobs_, checkpoints, rendezvous) {}
    control::ControllerOptions LoopOptions(const ServiceTest& test) {
      control::ControllerOptions options = test.options_;
      options.changed = [this](const std::string& job) { feed.Bump(job); };
      return options;
    }
    control::ChangeFeed feed;
    control::WatchedJobStore jobs;
    control::Checkpoints checkpoints;
    control::Rendezvous rendezvous;
    control::Controller controller;
    std::unique_ptr<AuditTrail> audit;
    std::unique_ptr<access::Gate> gate;
  };
  std::unique_ptr<Running> running_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Jobs::Stub> client_;
};

}  // namespace hebb::rpc

#endif  // HEBB_TESTS_UNIT_SERVER_RPC_SERVICE_FIXTURE_H_
