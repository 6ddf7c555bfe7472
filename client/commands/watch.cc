// SPDX-License-Identifier: Apache-2.0
// hebb watch JOB, hebb wait JOB, hebb evaluate JOB: the commands that stay until a job's end.
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/commands/commands.h"
#include "client/failure_text.h"
#include "client/follow.h"
#include "client/format.h"
#include "client/job_file.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

struct Options {
  std::string job;
  double timeout = 0;  // seconds; 0: none
  bool follow = false;
};

// The last word about a job. -o json: the whole job, as `describe` prints it.
absl::StatusOr<ExitCode> Finish(Session& session, const v1::Job& job) {
  if (session.structured()) {
    session.Print(ToJson(job));
  } else {
    session.out << session.Coloured(job.state(), OutcomeLine(job)) << std::endl;
    session.err << FailureText(job) << std::flush;
  }
  return ExitCodeOf(job.state());
}

absl::StatusOr<ExitCode> Watch(Session& session, const Options& options) {
  session.CatchInterrupt();
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, FollowJob(session, options.job, {}));
  return Finish(session, job);
}

absl::StatusOr<ExitCode> Wait(Session& session, const Options& options) {
  session.CatchInterrupt();
  FollowOptions follow;
  follow.progress = false;
  if (options.timeout > 0) follow.timeout = absl::Seconds(options.timeout);
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, FollowJob(session, options.job, follow));
  return Finish(session, job);
}

absl::StatusOr<ExitCode> Evaluate(Session& session, const Options& options) {
  if (options.follow) session.CatchInterrupt();
  v1::EvaluateRequest request;
  request.set_job(options.job);
  request.set_request_id(NewRequestId());
  request.set_user(LoginName());
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Evaluate(request));
  if (options.follow) {
    HEBB_ASSIGN_OR_RETURN(const v1::Job ended, FollowJob(session, job.id(), {}));
    return Finish(session, ended);
  }
  if (session.structured()) {
    session.Print({{"id", job.id()}});
  } else {
    session.out << job.id() << std::endl;
  }
  session.err << "evaluates " << options.job << "; see the result with `hebb wait " << job.id()
              << "`" << std::endl;
  return ExitCode::kOk;
}

using Command = absl::StatusOr<ExitCode> (*)(Session&, const Options&);

CLI::App* Add(CLI::App& app, Session& session, const char* name, const char* help, Command run,
              const std::shared_ptr<Options>& options) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("job", options->job, "Id, its beginning, or the job's name")->required();
  command->callback([&session, run, options] {
    session.set_action([&session, run, options] { return run(session, *options); });
  });
  return command;
}

}  // namespace

void AddWatch(CLI::App& app, Session& session) {
  Add(app, session, "watch", "Show a job's progress until it ends", Watch,
      std::make_shared<Options>());
}

void AddWait(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = Add(app, session, "wait", "Wait for a job's end", Wait, options);
  command->add_option("--timeout", options->timeout, "Seconds, then exit 8")
      ->check(CLI::PositiveNumber);
}

void AddEvaluate(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      Add(app, session, "evaluate", "Measure the last checkpoint of a job on the test set",
          Evaluate, options);
  command->add_flag("--follow", options->follow, "Stay, and exit with the result");
}

}  // namespace hebb::client
