// SPDX-License-Identifier: Apache-2.0
// hebb verify JOB: trains steps of a job again; are they the same, bit by bit?
#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/commands/commands.h"
#include "client/follow.h"
#include "client/job_file.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

struct Options {
  std::string job;
  int64_t from = 0;
  int64_t to = 0;
  int64_t workers = 1;
  bool follow = false;
};

absl::StatusOr<int64_t> CountDigests(Session& session, const std::string& job) {
  int64_t count = 0;
  v1::ListDigestsRequest request;
  request.set_job(job);
  while (true) {
    HEBB_ASSIGN_OR_RETURN(const v1::ListDigestsResponse page, session.api().ListDigests(request));
    count += page.digests_size();
    if (!page.more() || page.digests().empty()) return count;
    request.set_after_step(page.digests(page.digests_size() - 1).step());
  }
}

absl::StatusOr<ExitCode> Conclude(Session& session, const v1::Job& ended) {
  const v1::Verification& stretch = ended.spec().verification();
  const bool same = ended.state() == v1::SUCCEEDED;
  HEBB_ASSIGN_OR_RETURN(const int64_t count, CountDigests(session, ended.id()));
  if (session.structured()) {
    session.Print({{"id", ended.id()},
                   {"job", stretch.job()},
                   {"from_step", stretch.from_step()},
                   {"to_step", stretch.to_step()},
                   {"same", same},
                   {"digests", count},
                   {"reason", ended.reason()}});
  } else if (same) {
    session.out << "job " << stretch.job() << ": steps " << stretch.from_step() << " to "
                << stretch.to_step() << " trained again, " << count << " digests, all the same"
                << std::endl;
  }
  if (!same) session.err << "hebb: " << ended.reason() << std::endl;
  return ExitCodeOf(ended.state());
}

absl::StatusOr<ExitCode> Verify(Session& session, const Options& options) {
  if (options.follow) session.CatchInterrupt();
  v1::VerifyRequest request;
  request.set_job(options.job);
  request.set_request_id(NewRequestId());
  request.set_from_step(options.from);
  request.set_to_step(options.to);
  request.set_workers(options.workers);
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Verify(request));
  const v1::Verification& stretch = job.spec().verification();
  session.err << "job " << job.id() << " trains steps " << stretch.from_step() << " to "
              << stretch.to_step() << " of job " << stretch.job() << " again" << std::endl;
  if (options.follow) {
    HEBB_ASSIGN_OR_RETURN(const v1::Job ended, FollowJob(session, job.id(), {}));
    return Conclude(session, ended);
  }
  if (session.structured()) {
    session.Print({{"id", job.id()}});
  } else {
    session.out << job.id() << std::endl;
  }
  session.err << "see the result with `hebb wait " << job.id() << "`" << std::endl;
  return ExitCode::kOk;
}

}  // namespace

void AddVerify(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "verify", "Train steps of a job again and compare the weights (docs/verify.md)");
  command->add_option("job", options->job, "Id, its beginning, or the job's name")->required();
  command
      ->add_option("--from", options->from,
                   "A step; begins at the newest kept checkpoint at or before it")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_option("--to", options->to, "The last step [as far as the record goes]")
      ->check(CLI::PositiveNumber);
  command->add_option("--workers", options->workers, "How many train it again")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  command->add_flag("--follow", options->follow, "Stay, and exit 0 when all is the same, else 3");
  command->callback([&session, options] {
    session.set_action([&session, options] { return Verify(session, *options); });
  });
}

}  // namespace hebb::client
