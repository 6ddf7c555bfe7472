// SPDX-License-Identifier: Apache-2.0
// hebb doctor
#include "client/doctor/doctor.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/time/time.h"
#include "client/commands/commands.h"
#include "client/format.h"
#include "client/local/folders.h"

namespace hebb::client {
namespace {

std::string TimesTable(const v1::ServiceInfo& service) {
  Table table({"TIME", "VALUE", "RULE", "WHAT FOR"});
  for (const v1::DerivedTime& time : service.times()) {
    table.Add({time.name(), absl::FormatDuration(absl::Microseconds(time.microseconds())),
               time.rule(), time.meaning()});
  }
  return table.ToString();
}

void PrintStructured(Session& session, const doctor::Examination& found) {
  nlohmann::ordered_json times = nlohmann::ordered_json::array();
  if (found.service) {
    for (const v1::DerivedTime& time : found.service->times()) {
      times.push_back({{"name", time.name()},
                       {"seconds", absl::ToDoubleSeconds(absl::Microseconds(time.microseconds()))},
                       {"rule", time.rule()},
                       {"meaning", time.meaning()}});
    }
  }
  session.Print({{"verdict", std::string(doctor::VerdictName(doctor::Worst(found.findings)))},
                 {"checks", doctor::ToJson(found.findings)},
                 {"times", times}});
}

absl::StatusOr<ExitCode> Doctor(Session& session, doctor::Options options) {
  options.address = session.address;
  options.every_case = session.structured() || session.wide();
  const doctor::Examination found = doctor::Examine(options, session.api());
  if (session.structured()) {
    PrintStructured(session, found);
  } else {
    session.out << doctor::ToText(found.findings) << std::flush;
    if (session.wide() && found.service) session.out << "\n" << TimesTable(*found.service);
    session.err << doctor::Summary(found.findings) << std::endl;
  }
  const bool failed = doctor::Worst(found.findings) == doctor::Verdict::kFailed;
  return failed ? ExitCode::kFound : ExitCode::kOk;
}

}  // namespace

void AddDoctor(CLI::App& app, Session& session) {
  auto options = std::make_shared<doctor::Options>();
  options->state_dir = DefaultStateDir();
  options->data_dir = DefaultDataDir();
  options->own_version = HEBB_VERSION;
  CLI::App* command = app.add_subcommand(
      "doctor", "Check the coordinator, its workers and this machine, and say what to do");
  command->add_option("--state-dir", options->state_dir, "Where `hebb up` would keep its state")
      ->capture_default_str();
  command->add_option("--data-dir", options->data_dir, "Where workers here would keep data sets")
      ->capture_default_str();
  command->add_flag("--local", options->local, "Leave the coordinator out");
  command->add_flag("--mpi", options->start_world, "Start an MPI world of two and add up");
  command->add_flag("--conformance", options->conformance,
                    "Compare steps of this machine's CPU and GPU with float64 and each other, and "
                    "sums over gloo, MPI and NCCL with plain ones");
  command
      ->add_option("--seed", options->conformance_seed,
                   "Of the numbers that --conformance draws; random without")
      ->needs("--conformance");
  command->add_option("--worker-program", options->worker_program,
                      "Instead of hebb-worker beside hebb");
  command->callback([&session, options] {
    session.set_action([&session, options] { return Doctor(session, *options); });
  });
}

}  // namespace hebb::client
