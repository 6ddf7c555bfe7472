// SPDX-License-Identifier: Apache-2.0
// hebb theory linear: how fast the rules converge where it can be computed. No coordinator.
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/bar.h"
#include "client/commands/commands.h"
#include "client/commands/theory_output.h"
#include "client/plot/chart.h"
#include "client/theory/experiment.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

const std::map<std::string, theory::Rule> kRules = {
    {"bp", theory::Rule::kBp}, {"frfb", theory::Rule::kFrfb}, {"urfb", theory::Rule::kUrfb}};
const std::map<std::string, theory::Integrator> kIntegrators = {
    {"euler", theory::Integrator::kEuler}, {"rk4", theory::Integrator::kRk4}};
const std::map<std::string, theory::Measure> kMeasures = {
    {"error", theory::Measure::kError}, {"squared-error", theory::Measure::kSquaredError}};

struct Options {
  theory::Experiment experiment;
  theory::Scalars scalars;
  bool scalar = false;
  std::string seeds = "10";
  std::vector<double> std_r = {0.1};
  std::vector<double> r0 = {0.25, 0.5, 1, 2};
  std::vector<std::string> rules = {"bp", "frfb", "urfb"};
  std::string integrator;  // empty: the mode's default
  std::string measure;     // so too
  std::string csv;
  std::string svg;
};

// "50" is 1..50.
absl::Status ParseSeeds(const std::string& text, theory::Matrices& matrices) {
  const std::vector<std::string> parts = absl::StrSplit(text, "..");
  uint64_t first = 1, last = 0;
  const bool good = (parts.size() == 1 && absl::SimpleAtoi(parts[0], &last)) ||
                    (parts.size() == 2 && absl::SimpleAtoi(parts[0], &first) &&
                     absl::SimpleAtoi(parts[1], &last));
  // The count is an int; a larger one is refused with the experiment.
  constexpr uint64_t kMost = 1'000'000;
  if (!good || last < first || last - first >= kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("--seeds must be a count or FIRST..LAST, not '", text, "'"));
  }
  matrices.first_seed = first;
  matrices.seeds = static_cast<int>(last - first) + 1;
  return absl::OkStatus();
}

// The parser admits the names of the table only.
template <typename Value>
Value ChosenOr(const std::map<std::string, Value>& table, const std::string& name, Value other) {
  return name.empty() ? other : table.at(name);
}

// What the tables of the theory were made with, unless said otherwise.
absl::StatusOr<theory::Experiment> ExperimentOf(const Options& options) {
  theory::Experiment experiment = options.experiment;
  theory::Course& course = experiment.course;
  experiment.rules.clear();
  for (const std::string& name : options.rules) experiment.rules.push_back(kRules.at(name));
  if (options.scalar) {
    experiment.scalars = options.scalars;
    experiment.feedback = options.r0;
    course.integrator = ChosenOr(kIntegrators, options.integrator, theory::Integrator::kRk4);
    course.measure = ChosenOr(kMeasures, options.measure, theory::Measure::kError);
    return experiment;
  }
  HEBB_RETURN_IF_ERROR(ParseSeeds(options.seeds, experiment.matrices));
  experiment.feedback = options.std_r;
  course.integrator = ChosenOr(kIntegrators, options.integrator, theory::Integrator::kEuler);
  course.measure = ChosenOr(kMeasures, options.measure, theory::Measure::kSquaredError);
  return experiment;
}

absl::Status WriteTo(Session& session, const std::string& file, const std::string& content) {
  if (file.empty()) return absl::OkStatus();
  HEBB_RETURN_IF_ERROR(WriteFileAtomically(file, content));
  session.err << "wrote " << file << std::endl;
  return absl::OkStatus();
}

absl::StatusOr<theory::Report> Run(Session& session, const theory::Experiment& experiment) {
  SlowBar bar = session.MakeBar();
  return theory::RunExperiment(
      experiment, [&bar](int64_t done, int64_t total) { bar.ShowCount("moments", done, total); });
}

absl::StatusOr<ExitCode> Linear(Session& session, const Options& options) {
  const absl::StatusOr<theory::Experiment> experiment = ExperimentOf(options);
  const absl::StatusOr<theory::Report> report =
      experiment.ok() ? Run(session, *experiment) : experiment.status();
  if (!report.ok()) {
    session.err << "hebb: " << report.status().message() << "; see `hebb theory linear --help`"
                << std::endl;
    return ExitCode::kUsage;
  }
  HEBB_RETURN_IF_ERROR(WriteTo(session, options.csv, theory::ToCsv(*report)));
  HEBB_RETURN_IF_ERROR(
      WriteTo(session, options.svg, plot::ToSvg(TheoryChart(*experiment, *report))));
  if (session.structured()) {
    session.Print(TheoryJson(*experiment, *report));
  } else {
    session.PrintTable(TheoryTable(*experiment, *report));
  }
  for (const std::string& line : DivergenceNotes(*experiment, *report)) {
    session.err << line << std::endl;
  }
  return ExitCode::kOk;
}

void AddProblemOptions(CLI::App& command, Options& options) {
  theory::Matrices& matrices = options.experiment.matrices;
  CLI::Option* scalar = command.add_flag(
      "--scalar", options.scalar, "The chain y = w2 w1 x from w1 = w2 = 0 instead of matrices");
  for (CLI::Option* option :
       {command.add_option("--layers", matrices.layers, "Sizes from the input to the output")
            ->delimiter(',')
            ->capture_default_str(),
        command.add_option("--std-w", matrices.std_w, "Standard deviation of the weights W")
            ->capture_default_str(),
        command
            .add_option("--std-r", options.std_r,
                        "Standard deviation of the feedback R; a case for each of several")
            ->delimiter(',')
            ->capture_default_str(),
        command.add_option("--std-target", matrices.std_target,
                           "Standard deviation of the target map; default 1 / sqrt(inputs)"),
        command.add_option("--seeds", options.seeds, "How many starts, or FIRST..LAST")
            ->capture_default_str()}) {
    option->excludes(scalar);
  }
  for (CLI::Option* option :
       {command.add_option("--r0", options.r0, "Feedback at the start; a case for each of several")
            ->delimiter(',')
            ->capture_default_str(),
        command.add_option("--target", options.scalars.target, "The target of the scalar chain")
            ->capture_default_str(),
        command
            .add_option("--bp-start", options.scalars.bp_start,
                        "w1 = w2 at the start under BP, which does not leave 0")
            ->capture_default_str()}) {
    option->needs(scalar);
  }
}

void AddCourseOptions(CLI::App& command, Options& options) {
  theory::Course& course = options.experiment.course;
  command.add_option("--rules", options.rules, "Some of bp, frfb, urfb")
      ->delimiter(',')
      ->check(CLI::IsMember({"bp", "frfb", "urfb"}))
      ->capture_default_str();
  command.add_option("--dt", course.dt, "The integrator's step")->capture_default_str();
  command.add_option("--time", course.time, "How long the flow is followed")->capture_default_str();
  command.add_option("--integrator", options.integrator, "Default: euler; with --scalar rk4")
      ->check(CLI::IsMember({"euler", "rk4"}));
  command
      .add_option("--criterion", options.measure,
                  "What must come down; default: squared-error; with --scalar error")
      ->check(CLI::IsMember({"error", "squared-error"}));
  command.add_option("--threshold", course.threshold, "To this part of what it was at the start")
      ->capture_default_str();
  command.add_option("--csv", options.csv, "Write error against time to this file");
  command.add_option("--svg", options.svg, "Draw error against time to this file");
}

}  // namespace

void AddTheory(CLI::App& app, Session& session) {
  CLI::App* theory = app.add_subcommand("theory", "What can be computed about the rules");
  theory->require_subcommand(1);
  CLI::App* linear = theory->add_subcommand(
      "linear", "Gradient flows of a linear network on whitened input: times to converge");
  auto options = std::make_shared<Options>();
  AddProblemOptions(*linear, *options);
  AddCourseOptions(*linear, *options);
  linear->callback([&session, options] {
    session.set_action([&session, options] { return Linear(session, *options); });
  });
}

}  // namespace hebb::client
