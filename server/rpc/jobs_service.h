// SPDX-License-Identifier: Apache-2.0
// hebb.v1.Jobs: what clients ask. Translates and delegates; each call has its own thread (gRPC's
// synchronous server), which waits only in Watch and Logs, whose number is bounded.
#ifndef HEBB_SERVER_RPC_JOBS_SERVICE_H_
#define HEBB_SERVER_RPC_JOBS_SERVICE_H_

#include "hebb/v1/jobs.grpc.pb.h"
#include "server/rpc/context.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names.
class JobsService final : public v1::Jobs::Service {
 public:
  explicit JobsService(const Context& context)
      : context_(context),
        streams_(context.limits.streams_max, context.limits.streams_of_one_max) {}

  grpc::Status Validate(grpc::ServerContext* call, const v1::SubmitRequest* request,
                        v1::ValidateResponse* response) override;
  grpc::Status Submit(grpc::ServerContext* call, const v1::SubmitRequest* request,
                      v1::Job* response) override;
  grpc::Status List(grpc::ServerContext* call, const v1::ListRequest* request,
                    v1::ListResponse* response) override;
  grpc::Status Get(grpc::ServerContext* call, const v1::JobRequest* request,
                   v1::Job* response) override;
  grpc::Status Watch(grpc::ServerContext* call, const v1::JobRequest* request,
                     grpc::ServerWriter<v1::Job>* writer) override;
  grpc::Status Cancel(grpc::ServerContext* call, const v1::JobRequest* request,
                      v1::Job* response) override;
  grpc::Status Pause(grpc::ServerContext* call, const v1::JobRequest* request,
                     v1::Job* response) override;
  grpc::Status Resume(grpc::ServerContext* call, const v1::JobRequest* request,
                      v1::Job* response) override;
  grpc::Status Logs(grpc::ServerContext* call, const v1::LogsRequest* request,
                    grpc::ServerWriter<v1::LogLine>* writer) override;
  grpc::Status Evaluate(grpc::ServerContext* call, const v1::EvaluateRequest* request,
                        v1::Job* response) override;
  grpc::Status Verify(grpc::ServerContext* call, const v1::VerifyRequest* request,
                      v1::Job* response) override;
  grpc::Status ListDigests(grpc::ServerContext* call, const v1::ListDigestsRequest* request,
                           v1::ListDigestsResponse* response) override;
  grpc::Status DownloadCheckpoint(grpc::ServerContext* call, const v1::JobRequest* request,
                                  grpc::ServerWriter<v1::Chunk>* writer) override;
  grpc::Status UploadWeights(grpc::ServerContext* call, grpc::ServerReader<v1::Chunk>* reader,
                             v1::UploadResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* call, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status Drain(grpc::ServerContext* call, const v1::DrainRequest* request,
                     v1::Worker* response) override;
  grpc::Status ListAuditEvents(grpc::ServerContext* call, const v1::ListAuditEventsRequest* request,
                               v1::ListAuditEventsResponse* response) override;
  grpc::Status SubmitSweep(grpc::ServerContext* call, const v1::SubmitRequest* request,
                           v1::Sweep* response) override;
  grpc::Status GetSweep(grpc::ServerContext* call, const v1::SweepRequest* request,
                        v1::Sweep* response) override;
  grpc::Status ListSweeps(grpc::ServerContext* call, const v1::ListSweepsRequest* request,
                          v1::ListSweepsResponse* response) override;
  grpc::Status CancelSweep(grpc::ServerContext* call, const v1::SweepRequest* request,
                           v1::Sweep* response) override;

 private:
  // As in a list; with the spec; with epochs, too; with events, too.
  enum class Detail { kList, kSpec, kWatch, kFull };
  absl::Status Describe(const job::Job& job, Detail detail, v1::Job& proto);
  // What the control loop knows of it and the store does not.
  void AddPresent(const job::Job& job, v1::Job& proto) const;
  grpc::Status Step(const absl::StatusOr<job::Job>& stepped, v1::Job& response);
  absl::Status ListPage(const v1::ListRequest& request, v1::ListResponse& response);
  absl::Status DescribeSweep(const job::Sweep& sweep, bool brief, v1::Sweep& proto);
  absl::Status WatchJob(grpc::ServerContext& call, const std::string& key,
                        grpc::ServerWriter<v1::Job>& writer);
  absl::Status SendLogs(grpc::ServerContext& call, const v1::LogsRequest& request,
                        grpc::ServerWriter<v1::LogLine>& writer);

  const Context context_;
  StreamSlots streams_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_JOBS_SERVICE_H_
