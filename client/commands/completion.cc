// SPDX-License-Identifier: Apache-2.0
// hebb completion SHELL, hebb man, and what the completion scripts call: hebb __complete WORD...
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/grammar/completion.h"
#include "client/grammar/grammar.h"
#include "client/grammar/manual.h"
#include "client/local/folders.h"
#include "client/progress.h"
#include "common/datasets/verify.h"
#include "common/rpc/credentials.h"
#include "common/rpc/protocol.h"

namespace hebb::client {
namespace {

constexpr absl::Duration kPatience = absl::ZeroDuration();  // someone waits with a key pressed
constexpr absl::Duration kDeadline = absl::Seconds(1);
constexpr int kMostJobs = 200;

// Those that the verb can act on.
v1::ListRequest JobsFor(const std::string& verb) {
  v1::ListRequest request;
  request.set_page_size(kMostJobs);
  const bool under_way = verb == "cancel" || verb == "pause" || verb == "watch" || verb == "wait";
  request.set_all(!under_way);
  if (verb == "resume") request.add_states(v1::PAUSED);
  if (verb == "archive") {
    for (const v1::JobState state : {v1::SUCCEEDED, v1::FAILED, v1::CANCELLED}) {
      request.add_states(state);
    }
  }
  return request;
}

std::vector<Candidate> Jobs(Api& api, const std::string& verb) {
  std::vector<Candidate> found;
  const absl::StatusOr<v1::ListResponse> page = api.List(JobsFor(verb));
  if (!page.ok()) return found;
  for (const v1::Job& job : page->jobs()) {
    found.push_back({job.id(), absl::StrCat(job.name(), " ", StateText(job))});
  }
  return found;
}

std::vector<Candidate> Sweeps(Api& api) {
  std::vector<Candidate> found;
  const absl::StatusOr<v1::ListSweepsResponse> answer = api.ListSweeps();
  if (!answer.ok()) return found;
  for (const v1::Sweep& sweep : answer->sweeps()) {
    found.push_back(
        {sweep.id(), absl::StrCat(sweep.name(), " ", v1::JobState_Name(sweep.state()))});
  }
  return found;
}

std::vector<Candidate> Workers(Api& api) {
  std::vector<Candidate> found;
  const absl::StatusOr<v1::ListWorkersResponse> answer = api.ListWorkers();
  if (!answer.ok()) return found;
  for (const v1::Worker& worker : answer->workers()) {
    found.push_back({worker.id(), absl::StrCat(worker.host(), " ", worker.state())});
  }
  return found;
}

std::vector<Candidate> DataSets() {
  std::vector<Candidate> found;
  for (const datasets::DatasetListing& set : datasets::ListDatasets(DefaultDataDir())) {
    found.push_back({set.name, absl::StrCat(set.classes, " classes")});
  }
  return found;
}

// The value of an option on the command line that is being written, else `otherwise`.
std::string ValueIn(const std::vector<std::string>& words, const std::string& option,
                    const std::string& otherwise) {
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] == option && i + 2 < words.size()) return words[i + 1];
    if (absl::StartsWith(words[i], option + "=")) return words[i].substr(option.size() + 1);
  }
  return otherwise;
}

std::string Variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

int CompleteWords(const CLI::App& app, const std::vector<std::string>& typed) {
  const std::vector<std::string> words = Rejoined(typed);
  std::unique_ptr<Api> api;  // made when it is asked
  const auto existing = [&](ValueKind kind, const std::string& verb) -> std::vector<Candidate> {
    if (kind == ValueKind::kDataSet) return DataSets();
    if (api == nullptr) {
      api = std::make_unique<Api>(
          ValueIn(words, "--address", Variable("HEBB_ADDRESS", rpc::kDefaultAddress)),
          ValueIn(words, "--credentials", Variable(rpc::kCredentialsVariable, "")), kPatience,
          kDeadline);
    }
    if (kind == ValueKind::kSweep) return Sweeps(*api);
    if (kind == ValueKind::kWorker) return Workers(*api);
    return Jobs(*api, verb);
  };
  std::cout << ToLines(Complete(GrammarOf(app), words, existing)) << std::flush;
  return static_cast<int>(ExitCode::kOk);
}

void AddCompletion(CLI::App& app, Session& session) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "completion", "Print the script that completes verbs, options and job ids in a shell");
  command->add_option("shell", *shell, "bash | zsh | fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&session, shell] {
    session.set_action([&session, shell]() -> absl::StatusOr<ExitCode> {
      session.out << CompletionScript(*shell) << std::flush;
      return ExitCode::kOk;
    });
  });
}

void AddMan(CLI::App& app, Session& session) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page, for `man -l -`");
  command->callback([&session, &app] {
    session.set_action([&session, &app]() -> absl::StatusOr<ExitCode> {
      session.out << Manual(GrammarOf(app), HEBB_VERSION, kExitCodeHelp) << std::flush;
      return ExitCode::kOk;
    });
  });
}

}  // namespace hebb::client
