// SPDX-License-Identifier: Apache-2.0
// The verbs of `hebb`, one file each. Every function adds its command to the parser; the command's
// callback hands its work to the session, which outlives the parser's use.
#ifndef HEBB_CLIENT_COMMANDS_COMMANDS_H_
#define HEBB_CLIENT_COMMANDS_COMMANDS_H_

#include <string>
#include <vector>

#include "client/session.h"

namespace CLI {
class App;
}

namespace hebb::client {

void AddUp(CLI::App& app, Session& session);
void AddDown(CLI::App& app, Session& session);
void AddSubmit(CLI::App& app, Session& session);
void AddValidate(CLI::App& app, Session& session);
void AddList(CLI::App& app, Session& session);
void AddDescribe(CLI::App& app, Session& session);
void AddWatch(CLI::App& app, Session& session);
void AddLogs(CLI::App& app, Session& session);
void AddCancel(CLI::App& app, Session& session);
void AddPause(CLI::App& app, Session& session);
void AddResume(CLI::App& app, Session& session);
void AddArchive(CLI::App& app, Session& session);
void AddDrain(CLI::App& app, Session& session);
void AddCerts(CLI::App& app, Session& session);
void AddAuditEvents(CLI::App& app, Session& session);
void AddWait(CLI::App& app, Session& session);
void AddExport(CLI::App& app, Session& session);
void AddEvaluate(CLI::App& app, Session& session);
void AddCompare(CLI::App& app, Session& session);
void AddVerify(CLI::App& app, Session& session);
void AddAudit(CLI::App& app, Session& session);
void AddWorkers(CLI::App& app, Session& session);
void AddSweep(CLI::App& app, Session& session);
void AddData(CLI::App& app, Session& session);
void AddTheory(CLI::App& app, Session& session);
void AddDoctor(CLI::App& app, Session& session);
void AddPlot(CLI::App& app, Session& session);
void AddCompletion(CLI::App& app, Session& session);
void AddMan(CLI::App& app, Session& session);

// What the scripts of `hebb completion` call, as the first word; in no help and no grammar.
inline constexpr char kCompleteVerb[] = "__complete";
// Prints what can stand for the last of `typed`, and returns the program's exit code.
int CompleteWords(const CLI::App& app, const std::vector<std::string>& typed);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_COMMANDS_COMMANDS_H_
