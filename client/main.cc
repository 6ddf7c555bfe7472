// SPDX-License-Identifier: Apache-2.0
// hebb: the client. Options to a command, the command's status to an exit code.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/grammar/grammar.h"
#include "client/session.h"

namespace {

void AddCommands(CLI::App& app, hebb::client::Session& session) {
  namespace client = hebb::client;
  client::AddUp(app, session);
  client::AddDown(app, session);
  client::AddSubmit(app, session);
  client::AddValidate(app, session);
  client::AddList(app, session);
  client::AddDescribe(app, session);
  client::AddWatch(app, session);
  client::AddLogs(app, session);
  client::AddWait(app, session);
  client::AddCancel(app, session);
  client::AddPause(app, session);
  client::AddResume(app, session);
  client::AddArchive(app, session);
  client::AddDrain(app, session);
  client::AddCerts(app, session);
  client::AddAuditEvents(app, session);
  client::AddExport(app, session);
  client::AddEvaluate(app, session);
  client::AddPlot(app, session);
  client::AddVerify(app, session);
  client::AddCompare(app, session);
  client::AddAudit(app, session);
  client::AddSweep(app, session);
  client::AddWorkers(app, session);
  client::AddData(app, session);
  client::AddTheory(app, session);
  client::AddDoctor(app, session);
  client::AddCompletion(app, session);
  client::AddMan(app, session);
  app.require_subcommand(0, 1);  // none: main prints the help
}

// 0 after --help and the like.
int ReportParse(const CLI::App& app, const CLI::ParseError& error,
                const std::vector<std::string>& words) {
  namespace client = hebb::client;
  if (error.get_exit_code() == 0) return app.exit(error);
  const client::Command program = client::GrammarOf(app);
  const std::string correction = client::Correction(program, words);
  std::string verb;  // whose help says more
  const auto path = client::PositionAfter(program, words).path;
  for (const client::Command* command : path) verb += command->name + " ";
  std::cerr << "hebb: " << error.what() << "; " << (correction.empty() ? "" : correction + " ")
            << "see `" << verb << "--help`" << std::endl;
  return static_cast<int>(hebb::client::ExitCode::kUsage);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  CLI::App app("Train deep networks with local Hebbian updates, as a service.", "hebb");
  app.footer(hebb::client::kExitCodeHelp);
  app.set_version_flag("--version", "hebb " HEBB_VERSION);
  hebb::client::Session session(std::cout, std::cerr);
  hebb::client::AddGlobalOptions(app, session);
  AddCommands(app, session);
  if (!words.empty() && words.front() == hebb::client::kCompleteVerb) {
    return hebb::client::CompleteWords(app, {words.begin() + 1, words.end()});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ReportParse(app, error, words);
  }
  if (app.get_subcommands().empty()) {
    std::cerr << app.help();
    return static_cast<int>(hebb::client::ExitCode::kUsage);
  }
  return session.Run();
}
