// SPDX-License-Identifier: Apache-2.0
// hebb audit FILE: does the feedback path of this network and rule read forward weights?
#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/commands/commands.h"
#include "client/follow.h"
#include "client/format.h"
#include "client/job_file.h"
#include "client/message_json.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kLogLife = absl::Minutes(1);
constexpr char kMark[] = "audit";  // what the worker's lines about it begin with

struct Options {
  std::string file;
  std::vector<std::string> sets;
};

// What the worker wrote about it, line by line.
absl::StatusOr<std::vector<std::string>> Findings(Session& session, const std::string& job) {
  v1::LogsRequest request;
  request.set_job(job);
  std::vector<std::string> lines;
  const auto take = [&lines](const v1::LogLine& line) {
    if (absl::StartsWith(line.text(), kMark)) lines.push_back(line.text());
  };
  HEBB_RETURN_IF_ERROR(session.api().Logs(request, absl::Now() + kLogLife, take));
  return lines;
}

absl::StatusOr<ExitCode> Audit(Session& session, const Options& options) {
  session.CatchInterrupt();
  std::vector<std::string> sets = options.sets;
  sets.push_back("kind=audit");
  HEBB_ASSIGN_OR_RETURN(v1::SubmitRequest request,
                        PrepareJobFile(session, options.file, sets));
  request.set_request_id(NewRequestId());
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Submit(request));
  session.err << "audit of " << job.name() << " is job " << job.id() << std::endl;
  HEBB_ASSIGN_OR_RETURN(const v1::Job ended, FollowJob(session, job.id(), {.progress = false}));
  HEBB_ASSIGN_OR_RETURN(const std::vector<std::string> lines, Findings(session, job.id()));
  const bool local = ended.state() == v1::SUCCEEDED;
  const bool judged = local || absl::StrContains(ended.reason(), "audit: ");
  if (session.structured()) {
    session.Print({{"id", job.id()}, {"local", local}, {"findings", lines}});
  } else {
    for (const std::string& line : lines) session.out << line << std::endl;
  }
  if (local) return ExitCode::kOk;
  if (judged) return ExitCode::kFound;
  session.err << "hebb: " << ended.reason() << std::endl;
  return ExitCodeOf(ended.state());
}

}  // namespace

void AddAudit(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "audit", "Prove that a job's feedback path reads no forward weight (exit 1: it does)");
  command->add_option("file", options->file, "The job file (YAML)")->required();
  command->add_option("--set", options->sets, "key.path=value, put over the file; repeatable")
      ->allow_extra_args(false);
  command->callback([&session, options] {
    session.set_action([&session, options] { return Audit(session, *options); });
  });
}

}  // namespace hebb::client
