// SPDX-License-Identifier: Apache-2.0
// hebb cancel JOB, hebb pause JOB, hebb resume JOB, hebb archive JOB..., hebb drain WORKER
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/bar.h"
#include "client/commands/commands.h"
#include "client/exit_code.h"
#include "client/format.h"
#include "client/message_json.h"
#include "client/progress.h"
#include "client/session.h"
#include "common/status_macros.h"

namespace hebb::client {
namespace {

constexpr char kJobHelp[] = "Id, its beginning, or the job's name";

ExitCode Show(Session& session, const v1::Job& job) {
  if (session.structured()) {
    session.Print(ToJson(job));
  } else {
    session.out << "job " << job.id() << " " << StateText(job) << std::endl;
  }
  return ExitCode::kOk;
}

// What a cancel or an archive with --dry-run would do to a job: nothing is changed.
absl::StatusOr<ExitCode> Rehearse(Session& session, const std::string& verb,
                                  const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Get(name));
    const bool ended = IsTerminal(job.state());
    const bool acts = verb == "archive" ? ended && !job.has_archived() : !ended;
    session.out << "dry run: would " << (acts ? "" : "not ") << verb << " job " << job.id() << " ("
                << job.name() << ", " << StateText(job) << (job.has_archived() ? ", archived" : "")
                << ")" << std::endl;
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Cancel(Session& session, const std::string& name, bool dry_run) {
  if (dry_run) return Rehearse(session, "cancel", {name});
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Cancel(name));
  return Show(session, job);
}

// Its checkpoint is durable when it is PAUSED; a job may also end before it gets there.
absl::StatusOr<v1::Job> AwaitPaused(Session& session, const v1::Job& pausing) {
  constexpr absl::Duration kBetweenDrawings = absl::Seconds(1);
  v1::Job last = pausing;
  SlowBar bar = session.MakeBar();
  absl::Status status;
  do {
    bar.ShowWait("waits for the checkpoint");
    status =
        session.api().Watch(pausing.id(), absl::Now() + kBetweenDrawings, [&](const v1::Job& job) {
          last = job;
          if (job.state() != v1::PAUSING) session.api().Interrupt();
        });
  } while (last.state() == v1::PAUSING && absl::IsDeadlineExceeded(status));
  if (last.state() == v1::PAUSED) return last;
  if (last.state() == v1::PAUSING) return status;
  return absl::FailedPreconditionError(
      absl::StrCat("job ", last.id(), " became ", StateText(last), " before it was paused"));
}

absl::StatusOr<ExitCode> Pause(Session& session, const std::string& name, bool wait) {
  HEBB_ASSIGN_OR_RETURN(v1::Job job, session.api().Pause(name));
  if (wait && job.state() == v1::PAUSING) {
    HEBB_ASSIGN_OR_RETURN(job, AwaitPaused(session, job));
  }
  return Show(session, job);
}

absl::StatusOr<ExitCode> Resume(Session& session, const std::string& name) {
  HEBB_ASSIGN_OR_RETURN(const v1::Job job, session.api().Resume(name));
  return Show(session, job);
}

// All that can be; the first error is told at the end.
absl::StatusOr<ExitCode> Archive(Session& session, const std::vector<std::string>& names,
                                 bool undo) {
  absl::Status first;
  for (const std::string& name : names) {
    const absl::StatusOr<v1::Job> job = session.api().Archive(name, undo);
    first.Update(job.status());
    if (!job.ok()) continue;
    if (session.structured()) {
      session.Print(ToJson(*job));
    } else {
      session.out << "job " << job->id() << (undo ? " is back in the lists" : " is archived")
                  << std::endl;
    }
  }
  if (!first.ok()) return first;
  return ExitCode::kOk;
}

// An attached worker by its id or a unique beginning of it, as the coordinator finds it.
absl::StatusOr<v1::Worker> FindWorker(Session& session, const std::string& name) {
  HEBB_ASSIGN_OR_RETURN(const v1::ListWorkersResponse answer, session.api().ListWorkers());
  std::vector<v1::Worker> found;
  for (const v1::Worker& worker : answer.workers()) {
    if (worker.id() == name) return worker;
    if (!name.empty() && absl::StartsWith(worker.id(), name)) found.push_back(worker);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no attached worker '", name, "'; `hebb workers` lists them"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' fits ", found.size(), " workers; write more of the id"));
}

// What a drain with --dry-run, or its undoing, would do: nothing is changed.
absl::StatusOr<ExitCode> RehearseDrain(Session& session, const std::string& name, bool undo) {
  HEBB_ASSIGN_OR_RETURN(const v1::Worker worker, FindWorker(session, name));
  const bool acts = (worker.state() == "draining") == undo;
  session.out << "dry run: would " << (acts ? "" : "not ") << (undo ? "undo the drain of" : "drain")
              << " worker " << worker.id() << " (" << worker.state()
              << (worker.job().empty() ? "" : ", job ") << worker.job() << ")" << std::endl;
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Drain(Session& session, const std::string& name, bool undo) {
  HEBB_ASSIGN_OR_RETURN(const v1::Worker worker, session.api().Drain(name, undo));
  if (session.structured()) {
    session.Print(ToJson(worker));
  } else {
    session.out << "worker " << worker.id() << " " << worker.state() << std::endl;
  }
  return ExitCode::kOk;
}

}  // namespace

void AddCancel(CLI::App& app, Session& session) {
  auto job = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("cancel", "Stop a job for good");
  auto dry_run = std::make_shared<bool>(false);
  command->add_option("job", *job, kJobHelp)->required();
  command->add_flag("--dry-run", *dry_run, "Say which job it would be, and do nothing");
  command->callback([&session, job, dry_run] {
    session.set_action([&session, job, dry_run] { return Cancel(session, *job, *dry_run); });
  });
}

void AddPause(CLI::App& app, Session& session) {
  auto job = std::make_shared<std::string>();
  auto wait = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("pause", "Stop a job with a checkpoint, until it is resumed");
  command->add_option("job", *job, kJobHelp)->required();
  command->add_flag("--wait", *wait, "Until its checkpoint is durable and it is PAUSED");
  command->callback([&session, job, wait] {
    session.set_action([&session, job, wait] { return Pause(session, *job, *wait); });
  });
}

void AddResume(CLI::App& app, Session& session) {
  auto job = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("resume", "Let a paused job go on from its checkpoint");
  command->add_option("job", *job, kJobHelp)->required();
  command->callback(
      [&session, job] { session.set_action([&session, job] { return Resume(session, *job); }); });
}

void AddArchive(CLI::App& app, Session& session) {
  auto jobs = std::make_shared<std::vector<std::string>>();
  auto undo = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand(
      "archive",
      "Take ended jobs out of the lists; the coordinator removes their logs and checkpoints later");
  command->add_option("jobs", *jobs, "Ids, their beginnings, or names")->required();
  CLI::Option* back = command->add_flag("--undo", *undo, "Take them back into the lists");
  auto dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *dry_run, "Say which jobs it would be, and do nothing")
      ->excludes(back);
  command->callback([&session, jobs, undo, dry_run] {
    session.set_action([&session, jobs, undo, dry_run] {
      return *dry_run ? Rehearse(session, "archive", *jobs) : Archive(session, *jobs, *undo);
    });
  });
}

void AddDrain(CLI::App& app, Session& session) {
  auto worker = std::make_shared<std::string>();
  auto undo = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand(
      "drain",
      "Let a worker leave its job at the next step and take no more (until it or the "
      "coordinator starts again)");
  command->add_option("worker", *worker, "Id or its beginning, see `hebb workers`")->required();
  command->add_flag("--undo", *undo, "Let it work again");
  auto dry_run = std::make_shared<bool>(false);
  command->add_flag("--dry-run", *dry_run, "Say which worker it would be, and do nothing");
  command->callback([&session, worker, undo, dry_run] {
    session.set_action([&session, worker, undo, dry_run] {
      return *dry_run ? RehearseDrain(session, *worker, *undo) : Drain(session, *worker, *undo);
    });
  });
}

}  // namespace hebb::client
