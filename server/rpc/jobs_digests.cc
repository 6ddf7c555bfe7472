// SPDX-License-Identifier: Apache-2.0
// The chain of weight digests and verifications, of JobsService.
#include "common/rpc/status.h"
#include "server/rpc/authenticator.h"
#include "server/rpc/describe.h"
#include "server/rpc/jobs_service.h"
#include "server/rpc/page_size.h"
#include "server/rpc/verification.h"

namespace hebb::rpc {
namespace {

constexpr int kPage = 1000;
constexpr int kPageMax = 10000;

}  // namespace

grpc::Status JobsService::Verify(grpc::ServerContext* call, const v1::VerifyRequest* request,
                                 v1::Job* response) {
  const auto job =
      SubmitVerification(context_, InTheNameOf(CallerOf(context_.gate, *call), *request));
  if (!job.ok()) return ToGrpc(job.status());
  return ToGrpc(Describe(context_, *job, Detail::kSpec, *response));
}

grpc::Status JobsService::ListDigests(grpc::ServerContext*, const v1::ListDigestsRequest* request,
                                      v1::ListDigestsResponse* response) {
  const auto size = PageSize(request->page_size(), kPage, kPageMax);
  if (!size.ok()) return ToGrpc(size.status());
  const auto job = context_.jobs.Get(request->job());
  if (!job.ok()) return ToGrpc(job.status());
  const auto digests = context_.jobs.Digests(job->id, request->after_step(), *size + 1);
  if (!digests.ok()) return ToGrpc(digests.status());
  for (const job::StepDigest& digest : *digests) {
    if (response->digests_size() == *size) {
      response->set_more(true);
      break;
    }
    v1::StepDigest& proto = *response->add_digests();
    proto.set_step(digest.step);
    proto.set_weights_digest(digest.weights_digest);
    proto.set_chain(digest.chain);
  }
  return grpc::Status::OK;
}

}  // namespace hebb::rpc
