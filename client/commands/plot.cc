// SPDX-License-Identifier: Apache-2.0
// hebb plot JOB... -o FILE: curves of one or several jobs as a picture.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/commands/commands.h"
#include "client/curves.h"
#include "client/plot/chart.h"
#include "client/plot/png.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr int kPngScale = 2;  // sharp on paper and on fine screens

struct Options {
  std::vector<std::string> jobs;
  std::string file;
};

absl::StatusOr<std::vector<v1::Job>> Read(Session& session, const std::vector<std::string>& names) {
  std::vector<v1::Job> jobs;
  for (const std::string& name : names) {
    HEBB_ASSIGN_OR_RETURN(v1::Job job, session.api().Get(name));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string TitleOf(const std::vector<v1::Job>& jobs) {
  return absl::StrJoin(jobs, ", ", [](std::string* out, const v1::Job& job) {
    absl::StrAppend(out, job.name(), " (", job.id(), ")");
  });
}

absl::StatusOr<ExitCode> Plot(Session& session, const Options& options) {
  const bool png = absl::EndsWithIgnoreCase(options.file, ".png");
  if (!png && !absl::EndsWithIgnoreCase(options.file, ".svg")) {
    session.err << "hebb: -o " << options.file
                << ": neither .svg nor .png; name the file by what it is to be" << std::endl;
    return ExitCode::kUsage;
  }
  HEBB_ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, Read(session, options.jobs));
  const std::vector<plot::Chart> charts = JobCharts(jobs);
  if (charts.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("there is nothing to plot of ", TitleOf(jobs),
                                                      ": no epoch is complete; see `hebb watch ",
                                                      jobs.front().id(), "`"));
  }
  std::string picture = plot::ToSvg(TitleOf(jobs), charts);
  if (png) {
    HEBB_ASSIGN_OR_RETURN(picture, plot::SvgToPng(picture, kPngScale));
  }
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(options.file, picture));
  session.err << "wrote " << options.file << std::endl;
  return ExitCode::kOk;
}

}  // namespace

void AddPlot(CLI::App& app, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "plot", "Draw loss, accuracies and alignment of jobs by epoch, into an SVG or PNG file");
  command->add_option("jobs", options->jobs, "Ids, their beginnings, or names")->required();
  command->add_option("-o,--output", options->file, "The file to write, .svg or .png")->required();
  command->callback([&session, options] {
    session.set_action([&session, options] { return Plot(session, *options); });
  });
}

}  // namespace hebb::client
