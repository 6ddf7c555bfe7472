// SPDX-License-Identifier: Apache-2.0
// The coordinator's services as the commands see them: absl::Status, deadlines and retries.
// gRPC stays behind this header.
#ifndef HEBB_CLIENT_API_H_
#define HEBB_CLIENT_API_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "hebb/v1/coordinator.pb.h"
#include "hebb/v1/jobs.pb.h"

namespace hebb::client {

// Every unary call has a deadline and is repeated while the coordinator is UNAVAILABLE, for
// `patience` in all; each is safe to repeat (Submit, SubmitSweep, Evaluate and Verify carry
// a request id). Errors keep the coordinator's code and message; UNAVAILABLE names the address and
// the remedy.
//
// One thread at a time, except Interrupt, which any thread may call.
class Api {
 public:
  // `credentials`: a folder (docs/security.md), "" for plain text. One that cannot be used is the
  // error of every call.
  explicit Api(const std::string& address, const std::string& credentials = "",
               absl::Duration patience = absl::Seconds(3),
               absl::Duration call_deadline = absl::Seconds(20));
  ~Api();

  absl::StatusOr<v1::ValidateResponse> Validate(const v1::SubmitRequest& request);
  absl::StatusOr<v1::Job> Submit(const v1::SubmitRequest& request);
  // One page.
  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request);
  absl::StatusOr<v1::Job> Get(const std::string& job);
  absl::StatusOr<v1::Job> Cancel(const std::string& job);
  absl::StatusOr<v1::Job> Pause(const std::string& job);
  absl::StatusOr<v1::Job> Resume(const std::string& job);
  absl::StatusOr<v1::Job> Archive(const std::string& job, bool undo);
  absl::StatusOr<v1::Job> Evaluate(const v1::EvaluateRequest& request);
  absl::StatusOr<v1::Job> Verify(const v1::VerifyRequest& request);
  absl::StatusOr<v1::ListDigestsResponse> ListDigests(const v1::ListDigestsRequest& request);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers();
  absl::StatusOr<v1::ServiceInfo> GetInfo();
  absl::StatusOr<v1::Worker> Drain(const std::string& worker, bool undo);
  absl::StatusOr<v1::ListAuditEventsResponse> ListAuditEvents(
      const v1::ListAuditEventsRequest& request);

  absl::StatusOr<v1::ValidateSweepResponse> ValidateSweep(const v1::SubmitRequest& request);
  absl::StatusOr<v1::Sweep> SubmitSweep(const v1::SubmitRequest& request);
  absl::StatusOr<v1::Sweep> GetSweep(const std::string& sweep, bool brief = false);
  absl::StatusOr<v1::ListSweepsResponse> ListSweeps();
  absl::StatusOr<v1::Sweep> CancelSweep(const std::string& sweep);

  // Streams, not repeated: OK at the stream's end, DEADLINE_EXCEEDED at `deadline`, CANCELLED after
  // Interrupt.
  absl::Status Watch(const std::string& job, absl::Time deadline,
                     const std::function<void(const v1::Job&)>& each);
  absl::Status WatchList(const v1::ListRequest& request, absl::Time deadline,
                         const std::function<void(const v1::ListResponse&)>& each);
  absl::Status Logs(const v1::LogsRequest& request, absl::Time deadline,
                    const std::function<void(const v1::LogLine&)>& each);
  // Called after each piece, with the bytes so far and in all, on the caller's thread.
  using TransferProgress = std::function<void(int64_t bytes, int64_t total)>;
  // The last intact checkpoint, its SHA-256 checked. DATA_LOSS.
  absl::StatusOr<std::string> DownloadCheckpoint(const std::string& job,
                                                 const TransferProgress& progress = nullptr);
  // The SHA-256 of the file at `path`, which the coordinator has then.
  absl::StatusOr<std::string> UploadWeights(const std::string& path,
                                            const TransferProgress& progress = nullptr);

  // Ends the running and every later stream.
  void Interrupt();

 private:
  struct Connection;
  template <typename Message, typename Open>
  absl::Status Read(absl::Time deadline, const std::function<void(const Message&)>& each,
                    const Open& open);
  std::unique_ptr<Connection> connection_;
};

}  // namespace hebb::client

#endif  // HEBB_CLIENT_API_H_
