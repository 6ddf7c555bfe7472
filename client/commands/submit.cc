// SPDX-License-Identifier: Apache-2.0
// hebb submit FILE, hebb validate FILE
#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/commands/commands.h"
#include "client/failure_text.h"
#include "client/follow.h"
#include "client/format.h"
#include "client/job_file.h"
#include "client/message_json.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> sets;
  bool follow = false;
  bool dry_run = false;
  std::string request_id;
};

std::string ShapeText(const v1::LayerSummary& layer) {
  return absl::StrJoin(layer.output(), " x ");
}

absl::StatusOr<ExitCode> Validate(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const v1::SubmitRequest request, ReadJobFile(options.file, options.sets));
  if (options.dry_run) HEBB_RETURN_IF_ERROR(CheckInitialWeights(options.file, request));
  HEBB_ASSIGN_OR_RETURN(const v1::ValidateResponse answer, session.api().Validate(request));
  if (session.structured()) {
    session.Print(ToJson(answer));
    return ExitCode::kOk;
  }
  Table table({"LAYER", "KIND", "OUTPUT", "PARAMETERS"});
  for (const v1::LayerSummary& layer : answer.layers()) {
    table.Add({layer.name(), layer.kind(), ShapeText(layer), Grouped(layer.parameters())});
  }
  session.PrintTable(table);
  session.out << "parameters  " << Grouped(answer.parameters()) << " (weights, without feedback)"
              << std::endl;
  if (!answer.launch_request().empty()) {
    session.out << "\n# handed to the cluster for each worker that the job lacks:\n"
                << answer.launch_request() << std::flush;
  }
  return ExitCode::kOk;
}

// All that a submission checks, and nothing is kept.
absl::StatusOr<ExitCode> Rehearse(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const ExitCode code, Validate(session, options));
  session.err << "dry run: " << options.file << " would be taken; nothing was submitted"
              << std::endl;
  return code;
}

absl::StatusOr<ExitCode> Submit(Session& session, const Options& options) {
  if (options.dry_run) return Rehearse(session, options);
  if (options.follow) session.CatchInterrupt();
  HEBB_ASSIGN_OR_RETURN(v1::SubmitRequest request,
                        PrepareJobFile(session, options.file, options.sets));
  request.set_request_id(options.request_id.empty() ? NewRequestId() : options.request_id);
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Submit(request));
  if (session.structured()) {
    session.Print({{"id", job.id()}});
  } else {
    session.out << job.id() << std::endl;
  }
  if (!options.follow) {
    session.err << "submitted " << job.name() << "; watch it with `hebb watch " << job.id() << "`"
                << std::endl;
    return ExitCode::kOk;
  }
  HEBB_ASSIGN_OR_RETURN(const v1::Job ended, FollowJob(session, job.id(), {}));
  session.err << FailureText(ended) << std::flush;
  return ExitCodeOf(ended.state());
}

void AddFileOptions(CLI::App& command, Options& options) {
  command.add_option("file", options.file, "The job file (YAML)")->required();
  command.add_option("--set", options.sets, "key.path=value, put over the file; repeatable")
      ->allow_extra_args(false);
}

}  // namespace

void AddSubmit(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();  // kept by the callback
  CLI::App* command = app.add_subcommand("submit", "Hand a job to the coordinator");
  AddFileOptions(*command, *options);
  command->add_flag("--follow", options->follow, "Stay, and exit with the job's result");
  command->add_flag("--dry-run", options->dry_run,
                    "Check all that a submission checks, show the layers, and submit nothing");
  command->add_option("--request-id", options->request_id,
                      "A name for this submission; a repeat of it makes no second job");
  command->callback([&session, options] {
    session.set_action([&session, options] { return Submit(session, *options); });
  });
}

void AddValidate(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("validate", "Check a job file and show its layers");
  AddFileOptions(*command, *options);
  command->callback([&session, options] {
    session.set_action([&session, options] { return Validate(session, *options); });
  });
}

}  // namespace hebb::client
