// SPDX-License-Identifier: Apache-2.0
// The calls that last: Watch, WatchList and Logs. They hold no thread (out_stream.h); their number
// is bounded.
#ifndef HEBB_SERVER_RPC_JOBS_STREAMS_H_
#define HEBB_SERVER_RPC_JOBS_STREAMS_H_

#include <grpcpp/grpcpp.h>

#include "hebb/v1/jobs.pb.h"
#include "server/rpc/context.h"
#include "server/rpc/shared_messages.h"
#include "server/rpc/stream_pump.h"

namespace hebb::rpc {

// Thread-safe; borrows what the context names. It must outlive the server, which ends all streams.
class JobsStreams {
 public:
  explicit JobsStreams(const Context& context);

  // The job as it is now and after each change, until it has ended.
  grpc::ServerWriteReactor<v1::Job>* Watch(grpc::CallbackServerContext& call,
                                           const v1::JobRequest& request);
  // The page as it is now and whenever it differs.
  grpc::ServerWriteReactor<v1::ListResponse>* WatchList(grpc::CallbackServerContext& call,
                                                        const v1::ListRequest& request);
  // The lines that there are; to follow, all that come until the job has ended.
  grpc::ServerWriteReactor<v1::LogLine>* Logs(grpc::CallbackServerContext& call,
                                              const v1::LogsRequest& request);

 private:
  const Context context_;
  StreamSlots slots_;
  SharedMessages<v1::Job> jobs_;
  SharedMessages<v1::ListResponse> lists_;
  StreamPump pump_;  // last: its threads end first
};

}  // namespace hebb::rpc

#endif  // HEBB_SERVER_RPC_JOBS_STREAMS_H_
