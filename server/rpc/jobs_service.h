// SPDX-License-Identifier: Apache-2.0
// hebb.v1.Jobs: what clients ask. Translates and delegates. The calls that last hold no thread
// (jobs_streams.h); each other one has its own (gRPC's synchronous server) and waits for nothing.
#ifndef HEBB_SERVER_RPC_JOBS_SERVICE_H_
#define HEBB_SERVER_RPC_JOBS_SERVICE_H_

#include "hebb/v1/jobs.grpc.pb.h"
#include "server/rpc/context.h"
#include "server/rpc/jobs_streams.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names.
class JobsService final
    : public v1::Jobs::WithCallbackMethod_Watch<v1::Jobs::WithCallbackMethod_WatchList<
          v1::Jobs::WithCallbackMethod_Logs<v1::Jobs::Service>>> {
 public:
  explicit JobsService(const Context& context) : context_(context), streams_(context) {}

  grpc::Status Validate(grpc::ServerContext* call, const v1::SubmitRequest* request,
                        v1::ValidateResponse* response) override;
  grpc::Status Submit(grpc::ServerContext* call, const v1::SubmitRequest* request,
                      v1::Job* response) override;
  grpc::Status List(grpc::ServerContext* call, const v1::ListRequest* request,
                    v1::ListResponse* response) override;
  grpc::Status Get(grpc::ServerContext* call, const v1::JobRequest* request,
                   v1::Job* response) override;
  grpc::ServerWriteReactor<v1::Job>* Watch(grpc::CallbackServerContext* call,
                                           const v1::JobRequest* request) override {
    return streams_.Watch(*call, *request);
  }
  grpc::ServerWriteReactor<v1::ListResponse>* WatchList(grpc::CallbackServerContext* call,
                                                        const v1::ListRequest* request) override {
    return streams_.WatchList(*call, *request);
  }
  grpc::Status Cancel(grpc::ServerContext* call, const v1::JobRequest* request,
                      v1::Job* response) override;
  grpc::Status Pause(grpc::ServerContext* call, const v1::JobRequest* request,
                     v1::Job* response) override;
  grpc::Status Resume(grpc::ServerContext* call, const v1::JobRequest* request,
                      v1::Job* response) override;
  grpc::ServerWriteReactor<v1::LogLine>* Logs(grpc::CallbackServerContext* call,
                                              const v1::LogsRequest* request) override {
    return streams_.Logs(*call, *request);
  }
  grpc::Status Archive(grpc::ServerContext* call, const v1::ArchiveRequest* request,
                       v1::Job* response) override;
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
  grpc::Status ValidateSweep(grpc::ServerContext* call, const v1::SubmitRequest* request,
                             v1::ValidateSweepResponse* response) override;

 private:
  grpc::Status Step(const absl::StatusOr<job::Job>& stepped, v1::Job& response);
  absl::Status DescribeSweep(const job::Sweep& sweep, bool brief, v1::Sweep& proto);

  const Context context_;
  JobsStreams streams_;
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_JOBS_SERVICE_H_
