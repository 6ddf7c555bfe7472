// SPDX-License-Identifier: Apache-2.0
#include "server/launcher/slurm.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/spec/schema.h"
#include "common/status_macros.h"
#include "server/launcher/command.h"
#include "server/launcher/worker_name.h"

namespace hebb::launcher {
namespace {

// The time limit: a worker drains at SIGUSR1, a minute before SLURM ends it.
constexpr char kWarning[] = "--signal=B:USR1@60";

std::string Quoted(absl::string_view word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

void AddPlacement(const spec::Slurm& job, const spec::Slurm& defaults,
                  std::vector<std::string>& options) {
  for (const spec::SlurmWord& each : spec::kSlurmWords) {
    const std::string& own = job.*each.word;
    const std::string& value = own.empty() ? defaults.*each.word : own;
    if (!value.empty()) options.push_back(absl::StrCat("--", each.key, "=", value));
  }
}

// One line with SLURM's own words.
std::string WordsOf(const CommandResult& result) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(result.err, '\n', absl::SkipWhitespace())) {
    lines.emplace_back(absl::StripAsciiWhitespace(line));
  }
  if (lines.empty()) return absl::StrCat("exit code ", result.exit_code, " without a word");
  return absl::StrJoin(lines, "; ");
}

// What a refusal is, by SLURM's words: it has one exit code for all.
absl::Status Refusal(const CommandResult& result) {
  const std::string words = WordsOf(result);
  const std::string lower = absl::AsciiStrToLower(words);
  const auto says = [&](absl::string_view part) { return absl::StrContains(lower, part); };
  if (says("unable to contact") || says("connection") || says("socket timed out") ||
      says("temporarily unable") || says("communication")) {
    return absl::UnavailableError(words);
  }
  if (says("limit") || says("too many")) return absl::ResourceExhaustedError(words);
  if (says("permission denied") || says("access denied")) return absl::PermissionDeniedError(words);
  return absl::InvalidArgumentError(words);
}

absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv, absl::string_view input,
                                  absl::Duration within) {
  absl::StatusOr<CommandResult> result = RunCommand(argv, input, within);
  if (result.ok()) return result;
  return absl::UnavailableError(
      absl::IsNotFound(result.status())
          ? absl::StrCat(result.status().message(),
                         " here; SLURM's commands must be in the coordinator's PATH")
          : std::string(result.status().message()));
}

LaunchState StateOf(absl::string_view word) {
  if (word == "PENDING" || word == "CONFIGURING" || word == "REQUEUED" || word == "REQUEUE_HOLD" ||
      word == "SPECIAL_EXIT") {
    return LaunchState::kPending;
  }
  for (const absl::string_view alive :
       {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"}) {
    if (word == alive) return LaunchState::kRunning;
  }
  return LaunchState::kGone;
}

}  // namespace

std::string SlurmScript(const SlurmOptions& options, const WorkerRequest& request) {
  std::vector<std::string> sbatch = {absl::StrCat("--job-name=", request.name),
                                     "--nodes=1",
                                     "--ntasks=1",
                                     "--no-requeue",
                                     kWarning,
                                     absl::StrCat("--output=", options.log_dir, "/%x.%j.log")};
  sbatch.insert(sbatch.end(), options.options.begin(), options.options.end());
  if (request.device == "cuda") {
    sbatch.insert(sbatch.end(), options.cuda_options.begin(), options.cuda_options.end());
  }
  AddPlacement(request.slurm, options.defaults, sbatch);
  std::string script = "#!/bin/sh\n";
  for (const std::string& option : sbatch) absl::StrAppend(&script, "#SBATCH ", option, "\n");
  absl::StrAppend(
      &script, "# A worker of the Hebb coordinator at ", options.coordinator,
      ". It drains when SLURM asks it to end.\nexec ", Quoted(options.program), " \\\n  --name ",
      request.name, " --coordinator ", Quoted(options.coordinator), " \\\n  --device ",
      request.device, " --data-dir ", Quoted(options.data_dir), " --work-dir ",
      options.work_dir.empty() ? "\"${TMPDIR:-/tmp}/hebb-$(id -u)\"" : Quoted(options.work_dir));
  if (!options.credentials.empty()) {
    absl::StrAppend(&script, " \\\n  --credentials ", Quoted(options.credentials));
  }
  absl::StrAppend(&script, " ${SLURM_CPUS_PER_TASK:+--threads \"$SLURM_CPUS_PER_TASK\"}\n");
  return script;
}

std::vector<Observed> ReadQueue(absl::string_view printed, absl::string_view cluster) {
  std::vector<Observed> all;
  for (absl::string_view line : absl::StrSplit(printed, '\n', absl::SkipWhitespace())) {
    const std::vector<std::string> parts = absl::StrSplit(line, '|');
    if (parts.size() != 5 || !IsOfCluster(parts[0], cluster)) continue;
    Observed& worker = all.emplace_back();
    worker.name = parts[0];
    worker.handle = parts[1];
    worker.state = StateOf(parts[2]);
    const std::string& reason = parts[3];
    switch (worker.state) {
      case LaunchState::kPending:
        worker.detail = reason;
        break;
      case LaunchState::kRunning:
        worker.detail = parts[4];
        break;
      case LaunchState::kGone:
        worker.failed = parts[2] != "COMPLETED" && parts[2] != "CANCELLED" &&
                        parts[2] != "PREEMPTED" && parts[2] != "TIMEOUT";
        worker.detail = reason == "None" ? parts[2] : absl::StrCat(parts[2], ": ", reason);
        break;
    }
  }
  return all;
}

absl::StatusOr<std::string> SlurmLauncher::Show(const WorkerRequest& request) const {
  return SlurmScript(options_, request);
}

absl::StatusOr<std::string> SlurmLauncher::Ask(const WorkerRequest& request) {
  HEBB_ASSIGN_OR_RETURN(
      const CommandResult result,
      Run({"sbatch", "--parsable"}, SlurmScript(options_, request), options_.call_within));
  if (result.exit_code != 0) return Refusal(result);
  // "ID" or "ID;CLUSTER"
  const std::vector<std::string> parts =
      absl::StrSplit(absl::StripAsciiWhitespace(result.out), absl::ByAnyChar(";\n"));
  int64_t id = 0;
  if (!absl::SimpleAtoi(parts[0], &id)) {
    return absl::UnavailableError(absl::StrCat("sbatch answers '", parts[0], "', which is no id"));
  }
  return parts[0];
}

absl::StatusOr<std::vector<Observed>> SlurmLauncher::Observe() {
  HEBB_ASSIGN_OR_RETURN(const CommandResult result, Run({"squeue", "--me", "--noheader",
                                                         "--states=all", "--format=%j|%i|%T|%r|%N"},
                                                        "", options_.call_within));
  if (result.exit_code != 0) return absl::UnavailableError(WordsOf(result));
  return ReadQueue(result.out, options_.cluster);
}

absl::Status SlurmLauncher::LetGo(const std::string& handle) {
  HEBB_ASSIGN_OR_RETURN(const CommandResult result,
                        Run({"scancel", handle}, "", options_.call_within));
  if (result.exit_code == 0 || absl::StrContains(result.err, "Invalid job id")) {
    return absl::OkStatus();
  }
  return Refusal(result);
}

}  // namespace hebb::launcher
