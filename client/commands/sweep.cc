// SPDX-License-Identifier: Apache-2.0
// hebb sweep FILE, hebb sweep list | status | best | stop | report
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/bar.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/job_file.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "client/sweep/follow_sweep.h"
#include "client/sweep/rehearsal.h"
#include "client/sweep/report.h"
#include "client/sweep/summary.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

struct Options {
  std::string file;
  std::vector<std::string> sets;
  bool follow = false;
  bool dry_run = false;
  std::string request_id;
  std::string sweep;
  std::string metric = "validation_accuracy";
  std::string html;
  std::string csv;
};

// ---- hebb sweep FILE ---------------------------------------------------------------------------

// All that a submission checks, and nothing is kept.
absl::StatusOr<ExitCode> Rehearse(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const v1::SubmitRequest request, ReadJobFile(options.file, options.sets));
  HEBB_RETURN_IF_ERROR(CheckInitialWeights(options.file, request));
  HEBB_ASSIGN_OR_RETURN(const v1::ValidateSweepResponse answer,
                        session.api().ValidateSweep(request));
  if (session.structured()) {
    session.Print(ToJson(answer));
  } else {
    session.PrintTable(RehearsedRuns(answer));
    session.out << RehearsedLaunches(answer) << std::flush;
  }
  session.err << "dry run: " << options.file << " would be taken, " << answer.runs_size()
              << (answer.runs_size() == 1 ? " run" : " runs") << "; nothing was submitted"
              << std::endl;
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Submit(Session& session, const Options& options) {
  if (options.dry_run) return Rehearse(session, options);
  if (options.follow) session.CatchInterrupt();
  HEBB_ASSIGN_OR_RETURN(v1::SubmitRequest request,
                        PrepareJobFile(session, options.file, options.sets));
  request.set_request_id(options.request_id.empty() ? NewRequestId() : options.request_id);
  HEBB_ASSIGN_OR_RETURN(const v1::Sweep sweep, session.api().SubmitSweep(request));
  if (session.structured()) {
    session.Print({{"id", sweep.id()}});
  } else {
    session.out << sweep.id() << std::endl;
  }
  session.err << "submitted " << sweep.name() << ", " << sweep.jobs()
              << (sweep.jobs() == 1 ? " run" : " runs") << "; look at it with `hebb sweep status "
              << sweep.id() << "`" << std::endl;
  if (!options.follow) return ExitCode::kOk;
  HEBB_ASSIGN_OR_RETURN(const v1::Sweep ended, FollowSweep(session, sweep.id()));
  return ExitCodeOf(ended.state());
}

// ---- list --------------------------------------------------------------------------------------

int64_t CountOf(const v1::Sweep& sweep, v1::JobState state) {
  for (const v1::StateCount& count : sweep.counts()) {
    if (count.state() == state) return count.jobs();
  }
  return 0;
}

absl::StatusOr<ExitCode> List(Session& session, const Options&) {
  HEBB_ASSIGN_OR_RETURN(const v1::ListSweepsResponse answer, session.api().ListSweeps());
  if (session.structured()) {
    auto array = nlohmann::ordered_json::array();
    for (const v1::Sweep& sweep : answer.sweeps()) array.push_back(ToJson(sweep));
    session.Print(array);
    return ExitCode::kOk;
  }
  if (answer.sweeps().empty()) {
    session.err << "no sweeps; `hebb sweep FILE` makes one" << std::endl;
    return ExitCode::kOk;
  }
  Table table({"ID", "NAME", "STATE", "RUNS", "SUCCEEDED", "FAILED", "CANCELLED", "AGE"});
  for (const v1::Sweep& sweep : answer.sweeps()) {
    table.Add({sweep.id(), sweep.name(), v1::JobState_Name(sweep.state()),
               absl::StrCat(sweep.jobs()), absl::StrCat(CountOf(sweep, v1::SUCCEEDED)),
               absl::StrCat(CountOf(sweep, v1::FAILED)),
               absl::StrCat(CountOf(sweep, v1::CANCELLED)),
               Age(absl::Now() - FromProto(sweep.created()))});
  }
  session.PrintTable(table);
  return ExitCode::kOk;
}

// ---- status ------------------------------------------------------------------------------------

std::string Progress(const v1::SweepRun& run) {
  if (run.total_steps() <= 0) return absl::StrCat(run.step());
  return absl::StrCat(100 * run.step() / run.total_steps(), " %");
}

Table RunTable(const v1::Sweep& sweep) {
  const sweep::Labels labels = LabelsOf(sweep);
  std::vector<std::string> head = {"JOB"};
  for (const v1::GridValue& entry : sweep.runs(0).point()) head.push_back(labels.Key(entry.key()));
  head.insert(head.end(),
              {"STATE", "EPOCH", "PROGRESS", "LOSS", "TRAIN", "VALIDATION", "TEST", "REASON"});
  Table table(head);
  for (const v1::SweepRun& run : sweep.runs()) {
    std::vector<std::string> row = {run.job()};
    for (const v1::GridValue& entry : run.point()) {
      row.push_back(labels.Value(entry.key(), entry.value()));
    }
    row.insert(row.end(), {absl::StrCat(v1::JobState_Name(run.state()),
                                        run.unreachable() ? " (unreachable)" : ""),
                           absl::StrCat(run.epoch()), Progress(run)});
    for (size_t i = 0; i < 4; ++i) {
      row.push_back(ValueText(Metrics()[i], ValueOf(run.metrics(), Metrics()[i])));
    }
    row.push_back(run.reason());
    table.Add(std::move(row));
  }
  return table;
}

Table GroupTable(const v1::Sweep& sweep, const std::vector<Group>& groups) {
  Table table({"MEAN ± 95 % OVER SEEDS", "N", "LOSS", "TRAIN", "VALIDATION", "TEST"});
  for (const Group& group : groups) {
    const auto ended = [&](int run) { return sweep.runs(run).state() == v1::SUCCEEDED; };
    const auto n = std::count_if(group.runs.begin(), group.runs.end(), ended);
    std::vector<std::string> row = {group.label, absl::StrCat(n, "/", group.runs.size())};
    for (size_t i = 0; i < 4; ++i) {
      row.push_back(EstimateText(Metrics()[i], MeanOf(group, Metrics()[i])));
    }
    table.Add(std::move(row));
  }
  return table;
}

absl::StatusOr<ExitCode> Status(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const v1::Sweep sweep, session.api().GetSweep(options.sweep));
  const std::vector<Group> groups = GroupsOf(sweep);
  if (session.structured()) {
    nlohmann::ordered_json json = ToJson(sweep);
    json["groups"] = ToJson(sweep, groups);
    session.Print(json);
    return ExitCode::kOk;
  }
  session.out << "sweep " << sweep.id() << " " << sweep.name() << ", "
              << session.Coloured(sweep.state(), v1::JobState_Name(sweep.state())) << ", "
              << CountsText(sweep) << "\n\n";
  session.PrintTable(RunTable(sweep));
  session.out << "\n";
  session.PrintTable(GroupTable(sweep, groups));
  return ExitCode::kOk;
}

// ---- best --------------------------------------------------------------------------------------

absl::StatusOr<ExitCode> Best(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const Metric metric, FindMetric(options.metric));
  HEBB_ASSIGN_OR_RETURN(const v1::Sweep sweep, session.api().GetSweep(options.sweep));
  const std::vector<Group> groups = GroupsOf(sweep);
  const Group* best = BestGroup(groups, metric);
  if (best == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no run of sweep ", sweep.id(), " that SUCCEEDED has a ", metric.name,
                     "; look at `hebb sweep status ", sweep.id(), "` or choose another --metric"));
  }
  if (session.structured()) {
    nlohmann::ordered_json json = ToJson(sweep, {*best})[0];
    json["metric"] = metric.name;
    session.Print(json);
    return ExitCode::kOk;
  }
  session.out << best->label << "  " << metric.title << " "
              << EstimateText(metric, MeanOf(*best, metric)) << "\n\n";
  Table table({"JOB", "NAME", "STATE", absl::StrCat(metric.name)});
  for (const int i : best->runs) {
    const v1::SweepRun& run = sweep.runs(i);
    table.Add({run.job(), run.name(), v1::JobState_Name(run.state()),
               ValueText(metric, ValueOf(run.metrics(), metric))});
  }
  session.PrintTable(table);
  return ExitCode::kOk;
}

// ---- stop, report ------------------------------------------------------------------------------

absl::StatusOr<ExitCode> Stop(Session& session, const Options& options) {
  HEBB_ASSIGN_OR_RETURN(const v1::Sweep sweep, session.api().CancelSweep(options.sweep));
  if (session.structured()) {
    session.Print(ToJson(sweep));
  } else {
    session.out << "sweep " << sweep.id() << " " << CountsText(sweep) << std::endl;
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Report(Session& session, const Options& options) {
  if (options.html.empty() && options.csv.empty()) {
    session.err << "hebb: nowhere to write the report to; give -o FILE.html, --csv FILE or both"
                << std::endl;
    return ExitCode::kUsage;
  }
  SweepRecord record;
  HEBB_ASSIGN_OR_RETURN(record.sweep, session.api().GetSweep(options.sweep));
  SlowBar bar = session.MakeBar();
  for (const v1::SweepRun& run : record.sweep.runs()) {
    bar.ShowCount("reads runs", static_cast<int64_t>(record.jobs.size()), record.sweep.runs_size());
    HEBB_ASSIGN_OR_RETURN(v1::Job job, session.api().Get(run.job()));
    record.jobs.push_back(std::move(job));
  }
  bar.Clear();
  if (!options.html.empty()) {
    HEBB_RETURN_IF_ERROR(WriteFileAtomically(options.html, ReportHtml(record, HEBB_VERSION)));
    session.err << "wrote " << options.html << std::endl;
  }
  if (!options.csv.empty()) {
    HEBB_RETURN_IF_ERROR(WriteFileAtomically(options.csv, ReportCsv(record)));
    session.err << "wrote " << options.csv << std::endl;
  }
  return ExitCode::kOk;
}

// ---- options -----------------------------------------------------------------------------------

using Command = absl::StatusOr<ExitCode> (*)(Session&, const Options&);
using SharedOptions = std::shared_ptr<Options>;

void Do(CLI::App& command, Session& session, const SharedOptions& options, Command run) {
  command.callback([&session, run, options] {
    session.set_action([&session, run, options] { return run(session, *options); });
  });
}

CLI::App* AddVerb(CLI::App& sweep, Session& session, const SharedOptions& options, const char* name,
                  const char* help, Command run) {
  CLI::App* command = sweep.add_subcommand(name, help);
  if (run != List) {
    command->add_option("sweep", options->sweep, "Id, its beginning, or the sweep's name")
        ->required();
  }
  Do(*command, session, options, run);
  return command;
}

}  // namespace

void AddSweep(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();  // kept by the callbacks
  CLI::App* sweep = app.add_subcommand(
      "sweep", "Hand over a grid of jobs (hebb sweep FILE), look at it, report on it");
  sweep->add_option("file", options->file, "The sweep file (YAML), to submit it");
  sweep
      ->add_option(
          "--set", options->sets,
          "key.path=value, sweep.grid.KEY=[values] or sweep.random.samples=N, put over the "
          "file; repeatable")
      ->allow_extra_args(false);
  sweep->add_flag("--follow", options->follow, "Stay, and exit with the sweep's result");
  sweep->add_flag("--dry-run", options->dry_run,
                  "Check all that a submission checks, show the runs, and submit nothing");
  sweep->add_option("--request-id", options->request_id,
                    "A name for this submission; a repeat of it makes no second sweep");
  sweep->require_subcommand(0, 1);
  AddVerb(*sweep, session, options, "list", "The sweeps, newest first", List);
  AddVerb(*sweep, session, options, "status", "All runs, and means over seeds", Status);
  AddVerb(*sweep, session, options, "best", "The setting with the best mean over seeds", Best)
      ->add_option("--metric", options->metric, "One of a job's metrics")
      ->capture_default_str();
  AddVerb(*sweep, session, options, "stop", "Cancel the jobs that have not ended", Stop);
  CLI::App* report = AddVerb(*sweep, session, options, "report",
                             "Write curves, tables and commands as one HTML file", Report);
  report->add_option("-o,--output", options->html, "The HTML file to write");
  report->add_option("--csv", options->csv, "Also write the epochs of all runs as CSV");
  // Runs after a verb's own callback, which it must leave alone.
  sweep->callback([&session, options, sweep] {
    if (!sweep->get_subcommands().empty()) return;
    if (options->file.empty()) throw CLI::RequiredError("a sweep file or a verb");
    session.set_action([&session, options] { return Submit(session, *options); });
  });
}

}  // namespace hebb::client
